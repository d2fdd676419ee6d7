import { randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { lastLine, run } from '../../support/command.ts'
import { processesWith } from '../../support/processes.ts'
import { testPython } from '../../support/terrarium.ts'
import type { Figure } from '../figure.ts'

const PROGRAM = `
  import { main } from './test/dist/bench/main.js'
  process.exitCode = await main(process.argv.slice(1))
`

test('ps is compared with pm2 list, and neither a daemon nor a file is left', async () => {
  const tag = randomBytes(8).toString('hex')
  const folder = mkdtempSync(join(tmpdir(), 'b-'))
  try {
    const { code, stdout, stderr } = await run(
      process.execPath,
      ['--input-type=module', '--eval', PROGRAM, 'cli', '--quick', '--json'],
      { env: { TERRARIUM_PYTHON: testPython(), BENCH_TEST: tag, TMPDIR: folder, XDG_RUNTIME_DIR: folder } },
    )
    // At this size it says nothing whether the target is met.
    expect({ code, stderr }).toEqual({ code: expect.any(Number), stderr: expect.not.stringContaining('Error') })
    const { figures } = JSON.parse(lastLine(stdout)) as { figures: Figure[] }
    expect(figures).toEqual([
      expect.objectContaining({ name: 'terrarium ps', ratio: expect.any(Number), met: expect.any(Boolean) }),
      expect.objectContaining({ name: 'node -e 0', ratio: expect.any(Number), target: null }),
    ])
    expect({ left: processesWith(`BENCH_TEST=${tag}`), files: readdirSync(folder) }).toEqual({ left: [], files: [] })
  } finally {
    rmSync(folder, { recursive: true })
  }
})
