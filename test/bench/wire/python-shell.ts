// The contender python-shell, as its documentation uses it: JSON lines over the standard streams.
import { fileURLToPath } from 'node:url'
import { PythonShell } from 'python-shell'
import type { OpenContender, Opening } from './open-contender.ts'

interface Message {
  readonly id: number
  readonly data: unknown
}

export function openPythonShell({ python }: Opening): Promise<OpenContender> {
  const script = fileURLToPath(new URL('../../../bench/wire/echo_shell.py', import.meta.url))
  const shell = new PythonShell(script, { mode: 'json', pythonPath: python, pythonOptions: ['-u'] })
  const pending = new Map<number, (data: unknown) => void>()
  let last = 0
  shell.on('message', ({ id, data }: Message) => {
    pending.get(id)?.(data)
    pending.delete(id)
  })
  return Promise.resolve({
    name: 'python-shell',
    form: 'text',
    echo: (data: string) =>
      new Promise((resolve) => {
        pending.set(++last, resolve)
        shell.send({ id: last, data })
      }),
    close: () =>
      new Promise((resolve, reject) => {
        shell.end((error: Error | null | undefined) => {
          if (error) reject(error)
          else resolve()
        })
      }),
  })
}
