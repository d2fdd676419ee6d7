// The main job in a process of its own, and the figures that it prints.
import { expect } from '@jest/globals'
import { lastLine, run, type Ran } from './command.ts'
import type { Habitat } from './terrarium.ts'

export interface Figures {
  readonly files: number
  readonly parsed: number
  readonly failed: number
  readonly functions: number
  readonly classes: number
  readonly calls: number
  readonly restarts: number
  readonly processesLeft: number
  readonly digest: string
}

/** The environment of a job: all its files are in the habitat, so that no file is left when it is killed. */
export const environment = (home: Habitat): Record<string, string> => ({
  TERRARIUM_STATE_DIR: home.stateDir,
  XDG_RUNTIME_DIR: home.directory,
})

export const job = (home: Habitat, ...args: string[]) =>
  run('npm', ['start', '--silent', '--', ...args], { env: environment(home) })

function figures({ code, stdout, stderr }: Ran): Figures {
  if (code !== 0) throw new Error(`the job failed with ${String(code)}: ${stdout}${stderr}`)
  return JSON.parse(lastLine(stdout)) as Figures
}

/** Analyses a tree twice, with three workers of which one is killed, and with one. Answers the number of files. */
export async function expectSameFigures(home: Habitat, ...tree: string[]): Promise<number> {
  const chaotic = figures(await job(home, ...tree, '--json', '--workers', '3'))
  const calm = figures(await job(home, ...tree, '--json', '--no-chaos', '--workers', '1'))
  expect(chaotic.parsed + chaotic.failed).toBe(chaotic.files)
  expect(chaotic.restarts).toBeGreaterThan(0)
  expect(calm.restarts).toBe(0)
  expect(chaotic.digest).toMatch(/^[0-9a-f]{64}$/)
  expect(Object.keys(chaotic)).toEqual(
    'files parsed failed functions classes calls callsPerSecond p50Ms p99Ms restarts processesLeft digest'.split(' '),
  )
  const { files, parsed, failed, functions, classes, digest } = calm
  expect(chaotic).toMatchObject({ files, parsed, failed, functions, classes, digest, processesLeft: 0 })
  expect(calm.processesLeft).toBe(0)
  return files
}
