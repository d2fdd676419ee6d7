import { expect, test } from '@jest/globals'
import { keep, openRuntime } from '@terrarium/process'
import { wantedContainment } from '../src/shepherd/containment.ts'
import { silent } from '../../../test/support/loggers.ts'
import { freshState, onEnd, python, watch } from './support.ts'

/** Every variable that a runtime reads, each empty. */
const VARIABLES = [
  'TERRARIUM_CONTAINMENT',
  'TERRARIUM_PYTHON_FILES',
  'TERRARIUM_STATE_DIR',
  'XDG_STATE_HOME',
  'XDG_RUNTIME_DIR',
  'TMPDIR',
  'VIRTUAL_ENV',
  'CONDA_PREFIX',
]

function setVariables(values: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(values)) {
    const before = process.env[name]
    process.env[name] = value
    onEnd(() => {
      if (before === undefined) Reflect.deleteProperty(process.env, name)
      else process.env[name] = before
    })
  }
}

test('A6: a runtime takes empty variables and empty options for unset', async () => {
  const home = freshState()
  setVariables({ ...Object.fromEntries(VARIABLES.map((name) => [name, ''])), HOME: home })
  const runtime = await openRuntime({ python, stateDir: '', containment: '' as never, logger: silent })
  watch(runtime.installation)
  onEnd(() => runtime.close())
  expect(runtime.stateDir).toBe(`${home}/.local/state/terrarium`)
  expect(runtime.directory).toMatch(/^\/tmp\/terrarium-/)
  const spawned = await runtime.spawn({ name: 'pwd', command: 'pwd', args: [], cwd: '' })
  expect(await spawned.exited).toMatchObject({ code: 0 })
})

test('A6: with an empty option the variable counts', () => {
  expect(wantedContainment('', { TERRARIUM_CONTAINMENT: 'shepherd' })).toBe('shepherd')
  expect(wantedContainment('', { TERRARIUM_CONTAINMENT: '' })).toBe('auto')
})

test('A6: a program takes empty options for unset', async () => {
  const stateDir = freshState()
  setVariables({ TERRARIUM_STATE_DIR: stateDir, TERRARIUM_PYTHON: python })
  const empty = { name: '', cwd: '', python: '', stateDir: '', containment: '' as never }
  const program = keep('sleep', ['60'], { ...empty, logger: silent })
  onEnd(() => program.stop())
  await program.whenReady()
  expect(program.name).toBe('sleep')
  await program.stop()
})
