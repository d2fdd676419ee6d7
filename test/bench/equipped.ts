// Whether an interpreter can run workers at all.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/**
 * Rejects at once when workers could not run on this interpreter: a pool that is told never to give up would try for
 * ever.
 */
export async function assertEquipped(python: string, signal: AbortSignal): Promise<void> {
  const script = 'import grpc, google.protobuf, msgpack'
  await promisify(execFile)(python, ['-c', script], { signal }).catch((cause: unknown) => {
    signal.throwIfAborted()
    const said = (cause as { stderr?: string }).stderr?.trimEnd().split('\n').at(-1)
    const hint = '`npm run bench` sets TERRARIUM_PYTHON to the one of .venv.'
    throw new Error(`${python} cannot run workers: ${said ?? String(cause)}. ${hint}`, { cause })
  })
}
