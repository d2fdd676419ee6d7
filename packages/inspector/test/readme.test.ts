// The programs of README.md and of docs/inspector.md: they run as they stand, and end by themselves.
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from '@jest/globals'
import { blocks } from '../../../test/support/markdown.ts'

const DIST = join(import.meta.dirname, '..', 'dist')

const programs = ['packages/inspector/README.md', 'docs/inspector.md'].flatMap((page) =>
  blocks(page)
    .filter(({ language }) => language === 'js')
    .map(({ code }, index) => [page, index + 1, code] as const),
)

const PRINTED: Readonly<Record<string, RegExp>> = {
  'packages/inspector/README.md 1': /^red\ngreen\n$/,
  'packages/inspector/README.md 2': /^active\n$/,
  'docs/inspector.md 1': /^$/,
  'docs/inspector.md 2': /trace\.html\n$/,
}

test.each(programs)('%s: program %i runs, and ends by itself', async (page, index, code) => {
  mkdirSync(DIST, { recursive: true })
  // Within the package its own name leads to it.
  const folder = mkdtempSync(join(DIST, 'readme-'))
  try {
    writeFileSync(join(folder, 'main.mjs'), code.replace(/\b60?0_000\b/, '100')) // minutes are for readers
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ['main.mjs'], {
      cwd: folder,
      timeout: 60_000,
    })
    expect(stdout).toMatch(PRINTED[`${page} ${index}`] ?? /^nothing is expected of this program$/)
    expect(stderr).toMatch(/^Inspector: http:\/\/127\.0\.0\.1:\d+\/#t=[\w-]{32}\n$/)
    expect(readdirSync(folder).includes('trace.html')).toBe(code.includes('trace.html'))
  } finally {
    rmSync(folder, { recursive: true })
  }
})
