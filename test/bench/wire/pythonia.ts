// The contender pythonia, which makes Python objects callable from JavaScript.
import { fileURLToPath } from 'node:url'
import type { OpenContender, Opening } from './open-contender.ts'

interface Pythonia {
  readonly python: ((path: string) => Promise<{ echo: (data: string) => Promise<unknown> }>) & { exit(): void }
}

/** pythonia has one process for the whole program, which it starts when it is imported. */
export async function openPythonia({ python }: Opening): Promise<OpenContender> {
  process.env.PYTHON_BIN = python
  const { python: bridge } = (await import('pythonia')) as unknown as Pythonia
  const module = await bridge(fileURLToPath(new URL('../../../bench/wire/echo_pythonia.py', import.meta.url)))
  return {
    name: 'pythonia',
    form: 'text',
    echo: (data: string) => module.echo(data),
    close: () => {
      bridge.exit()
      return Promise.resolve()
    },
  }
}
