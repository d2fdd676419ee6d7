// The program of README.md of the observer: it prints what it says, and Node ends by itself.
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from '@jest/globals'
import { blocks } from '../../../test/support/markdown.ts'

const README = 'packages/observe/README.md'
const DIST = join(import.meta.dirname, '..', 'dist')

test('the example of the README prints what it says', async () => {
  const [program] = blocks(README).filter(({ language }) => language === 'js')
  const [printed] = blocks(README).filter(({ language }) => language === 'text')
  mkdirSync(DIST, { recursive: true })
  // Within the package its own name leads to it.
  const folder = mkdtempSync(join(DIST, 'readme-'))
  try {
    writeFileSync(join(folder, 'main.mjs'), program?.code ?? '')
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [join(folder, 'main.mjs')])
    expect({ stdout, stderr }).toEqual({ stdout: printed?.code, stderr: '' })
  } finally {
    rmSync(folder, { recursive: true })
  }
})
