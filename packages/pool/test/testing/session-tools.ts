// The same tools in Python and as functions of a test, for scenarios of sessions and progress.
import { appendFileSync } from 'node:fs'
import type { TestPoolOptions } from '@terrarium/pool/testing'

export const PYTHON_SESSION_TOOLS = `
from terrarium import progress, session

@tool
def put(key, value, ttl=None):
    session().set(key, value, None if ttl is None else ttl / 1000)
    return session().id

@tool
def got(key):
    return [session().id, session().get(key)]

@tool
def whose():
    return None if session() is None else session().id

@tool
def at_end(path, text):
    def note():
        with open(path, "a") as file:
            file.write(text + "\\n")
    session().on_close(note)

@tool
def steps(count):
    for step in range(1, count + 1):
        progress(step, count, f"step {step}")
    return count
`

interface Put {
  readonly key: string
  readonly value: unknown
  readonly ttl?: number
}

export const TEST_SESSION_TOOLS: TestPoolOptions['tools'] = {
  put: ({ key, value, ttl }: Put, { session }) => {
    session?.set(key, value, ttl)
    return session?.id
  },
  got: ({ key }: Put, { session }) => [session?.id, session?.get(key) ?? null],
  whose: (_args, { session }) => session?.id ?? null,
  at_end: ({ path, text }: { path: string; text: string }, { session }) => {
    session?.onClose(() => {
      appendFileSync(path, `${text}\n`)
    })
  },
  steps: ({ count }: { count: number }, { progress }) => {
    for (let step = 1; step <= count; step += 1) progress(step, count, `step ${step}`)
    return count
  },
}
