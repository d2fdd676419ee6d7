import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { UsageError } from '@terrarium/cli'
import { listSources } from '../src/files.ts'

const { signal } = new AbortController()
let root: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'terrarium-files-test-'))
})

afterEach(() => {
  rmSync(root, { recursive: true, force: true })
})

function file(path: string): void {
  mkdirSync(join(root, path, '..'), { recursive: true })
  writeFileSync(join(root, path), '')
}

test('files are in the order of their bytes, not of a language, and only names that end in .py are taken', async () => {
  for (const path of ['b.py', 'B.py', 'ä/x.py', 'a/z.py', 'a.py', 'a-b.py', '.hidden/h.py', 'a.pyc', 'py']) file(path)
  mkdirSync(join(root, 'folder.py'))
  const { files, unreadable } = await listSources(root, signal)
  expect(files).toEqual(['.hidden/h.py', 'B.py', 'a-b.py', 'a.py', 'a/z.py', 'b.py', 'ä/x.py'])
  expect(unreadable).toEqual([])
})

test('links to files count; loops end; what leads nowhere or never ends is not read', async () => {
  file('a/real.py')
  symlinkSync('real.py', join(root, 'a/link.py'))
  symlinkSync('..', join(root, 'a/loop'))
  symlinkSync('self.py', join(root, 'a/self.py'))
  symlinkSync('nowhere', join(root, 'a/broken.py'))
  execFileSync('mkfifo', [join(root, 'a/pipe.py')])
  const { files, unreadable } = await listSources(root, signal)
  expect(files).toEqual(['a/link.py', 'a/real.py'])
  expect(unreadable).toEqual([
    { path: 'a/broken.py', reason: 'a link that leads nowhere' },
    { path: 'a/self.py', reason: 'a link that leads back to itself' },
  ])
})

test('folders can be left out by name', async () => {
  for (const path of ['a.py', 'site-packages/b.py', 'x/site-packages/c.py', 'x/d.py']) file(path)
  const { files } = await listSources(root, signal, new Set(['site-packages']))
  expect(files).toEqual(['a.py', 'x/d.py'])
})

test('a directory that is not there, is a file, or has no Python is refused', async () => {
  file('text.txt')
  for (const path of ['no/such', 'text.txt', '']) {
    await expect(listSources(join(root, path), signal)).rejects.toThrow(UsageError)
  }
})
