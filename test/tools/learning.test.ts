// The examples that need scikit-learn, which takes minutes to install.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, jest, test } from '@jest/globals'
import { run } from '../support/command.ts'
import { habitat } from '../support/terrarium.ts'

jest.setTimeout(600_000)

test('npm run demo:train streams the epochs of a training, stops when it brings little, and draws a chart', async () => {
  const home = habitat()
  const chart = join(home.directory, 'training.png')
  const env = { TERRARIUM_STATE_DIR: home.stateDir }
  const { code, stdout } = await run('npm', ['run', '--silent', 'demo:train', '--', chart, '40'], { env })
  const lines = stdout.trim().split('\n')
  const epochs = lines.flatMap((line) => /^epoch +(\d+) {2}loss (\S+) {2}accuracy (\S+) %$/.exec(line) ?? [])
  const count = epochs.length / 4
  expect(count).toBeGreaterThan(5)
  expect(count).toBeLessThan(40) // the loop was left
  const [first, last] = [Number(epochs[2]), Number(epochs.at(-2))]
  expect(last).toBeLessThan(first / 2)
  expect(Number(epochs.at(-1))).toBeGreaterThan(90)
  expect(lines.slice(count)).toEqual([
    expect.stringContaining(`${chart}: ${count} epochs, `),
    'stopped; processes left: 0',
  ])
  expect(existsSync(chart)).toBe(true)
  expect([...readFileSync(chart).subarray(0, 8)]).toEqual([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  expect(code).toBe(0)
})

test('npm run demo:arrays sends an image to numpy, and reads arrays back', async () => {
  const env = { TERRARIUM_STATE_DIR: habitat().stateDir }
  const { code, stdout } = await run('npm', ['run', '--silent', 'demo:arrays'], { env })
  expect(stdout.trim().split('\n')).toEqual([
    'sent: uint8 of 480 × 640, 307200 bytes, a Uint8Array',
    'blurred: float32 of 480 × 640, 1228800 bytes, a Float32Array',
    'pixels in 4 of its 4 bins: 280968 636 632 24964',
    '12 tiles, 307200 pixels',
    'stopped; processes left: 0',
  ])
  expect(code).toBe(0)
})
