// The packages as they were before the socket lane, as a contender: built once from the git history, where that has
// them.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import type { BenchContext } from '../suite.ts'
import { uniqueName, type OpenContender, type Opening } from './open-contender.ts'

const run = promisify(execFile)

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url))
const COMMIT = '60eab1a5826aefadcd9ba3e44785ff6ab5692be3'
const FOLDER = join(ROOT, '.setup', `before-${COMMIT.slice(0, 7)}`)
const POOL = join('packages', 'pool', 'dist', 'index.js')

/**
 * The folder of the packages as they were, built; undefined, with the reason logged, where they cannot be had. A quick
 * run does not build them.
 */
export async function prepareBefore({
  quick,
  signal,
  log,
}: Pick<BenchContext, 'quick' | 'signal' | 'log'>): Promise<string | undefined> {
  if (existsSync(join(FOLDER, POOL))) return FOLDER
  if (quick) {
    log('before: not measured: it is not built, and a quick run does not build it')
    return undefined
  }
  const unfinished = `${FOLDER}-unfinished`
  try {
    await rm(unfinished, { recursive: true, force: true })
    await mkdir(unfinished, { recursive: true })
    const archive = join(unfinished, 'before.tar')
    const options = { cwd: unfinished, signal, maxBuffer: 2 ** 26 }
    await run('git', ['-C', ROOT, 'archive', `--output=${archive}`, COMMIT], options)
    await run('tar', ['-xf', archive], options)
    log('before: installing and building it, once')
    const pnpm = join(ROOT, '.setup', 'pnpm', 'node_modules', 'pnpm', 'bin', 'pnpm.mjs')
    const env = { ...process.env, CI: 'true' }
    await run(process.execPath, [pnpm, 'install', '--frozen-lockfile', '--prod=false'], { ...options, env })
    const tsc = join(unfinished, 'node_modules', 'typescript7', 'bin', 'tsc')
    await run(process.execPath, [tsc, '-b', 'packages/pool'], options)
    await rename(unfinished, FOLDER)
    return FOLDER
  } catch (error) {
    signal.throwIfAborted()
    const { message, stderr } = error as { message: string; stderr?: string }
    log(`before: not measured: ${stderr?.trim() || message}`)
    await rm(unfinished, { recursive: true, force: true })
    return undefined
  }
}

/** The options of a pool as they were named then. */
interface PoolBefore {
  createPool: (options: object) => {
    readonly workers: readonly { readonly pid: number | undefined }[]
    start: () => Promise<void>
    stop: () => Promise<{ readonly processesLeft: number }>
    call: (tool: string, args: object) => Promise<unknown>
  }
}

export interface BeforeShape {
  readonly size?: number
  readonly concurrency?: number
}

/** Resolves with undefined where there is no such folder. */
export async function openBefore(
  { python, directory, before }: Opening & { readonly before: string | undefined },
  { size = 1, concurrency }: BeforeShape = {},
): Promise<(OpenContender & { readonly pid: number }) | undefined> {
  if (before === undefined) return undefined
  const { createPool } = (await import(pathToFileURL(join(before, POOL)).href)) as PoolBefore
  const pool = createPool({
    name: uniqueName('before'),
    python: new URL('../../../bench/wire/echo_before.py', import.meta.url),
    interpreter: python,
    stateDir: join(directory, 'state-before'),
    size,
    ...(concurrency === undefined ? {} : { concurrency }),
  })
  try {
    await pool.start()
  } catch (error) {
    await pool.stop()
    throw error
  }
  return {
    name: concurrency === undefined ? 'before' : `before with concurrency ${concurrency}`,
    pid: pool.workers[0]?.pid ?? 0,
    echo: (data: unknown) => pool.call('echo', { data }),
    close: async () => {
      const { processesLeft } = await pool.stop()
      if (processesLeft > 0) throw new Error(`${processesLeft} processes of before are left behind`)
    },
  }
}
