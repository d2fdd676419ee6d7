// The command of the React example: it serves the page on this machine until it is interrupted.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { stripVTControlCharacters } from 'node:util'
import { expect, test } from '@jest/globals'
import { ROOT } from '../support/command.ts'

test('npm run demo:react serves the page on this machine only, until it is interrupted', async () => {
  const demo = spawn(process.execPath, ['scripts/job.mjs', 'demo:react'], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    let url: string | undefined
    for await (const line of createInterface(demo.stdout)) {
      url = /http:\/\/\S+/.exec(stripVTControlCharacters(line))?.[0]
      if (url !== undefined) break
    }
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/)
    const page = await (await fetch(url ?? '')).text()
    expect(page).toContain('<div id="root">')
    const exited = once(demo, 'exit')
    demo.kill('SIGINT')
    expect(await exited).toEqual([0, null])
  } finally {
    demo.kill('SIGKILL')
  }
})
