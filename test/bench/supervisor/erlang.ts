// The contender Erlang/OTP.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Contender } from './process.ts'

const MODULE = 'otp_contender'

/** The contender from Erlang/OTP, compiled into the directory. */
export async function compileErlang(release: string, directory: string, signal: AbortSignal): Promise<Contender> {
  // Erlang is not compiled into dist.
  const source = fileURLToPath(new URL(`../../../bench/supervisor/${MODULE}.erl`, import.meta.url))
  await promisify(execFile)('erlc', ['-o', directory, source], { signal })
  return {
    name: `Erlang/OTP ${release}`,
    commandFor: ({ scenario, children, operations, warmups, duration }) => ({
      file: 'erl',
      args: [
        ...['-noshell', '+P', '1000000', '-pa', directory, '-run', MODULE, 'main'],
        ...[scenario, ...[children, operations, warmups, duration].map(String)],
      ],
    }),
  }
}
