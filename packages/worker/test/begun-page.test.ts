import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { BEGUN_WORDS, BegunPage } from '../src/begun-page.ts'

let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'terrarium-test-'))
})

afterEach(() => {
  rmSync(directory, { recursive: true })
})

/** Notes calls as a worker does. */
function note(descriptor: number, ...ids: number[]): void {
  for (const id of ids) writeSync(descriptor, new Uint32Array([id]), 0, 4, (id % BEGUN_WORDS) * 4)
}

test('the page is 16 KiB of zeros for this user alone, and its file has no name any more once it is removed', () => {
  const page = new BegunPage(join(directory, 'page'))
  expect(readFileSync(page.path)).toEqual(Buffer.alloc(16_384))
  expect(statSync(page.path).mode & 0o777).toBe(0o600)
  page.unlink()
  page.unlink()
  expect(existsSync(page.path)).toBe(false)
  page.close(true)
})

test('what the worker has noted is known when it is dead, whether the file has a name or not', () => {
  for (const isNamed of [true, false]) {
    const page = new BegunPage(join(directory, 'page'))
    const worker = openSync(page.path, 'r+')
    if (!isNamed) page.unlink()
    note(worker, 1, 4_095, 4_096, 8_193)
    closeSync(worker)
    page.close(true)
    page.close(true)
    // 8193 has the word that 1 had.
    expect([1, 2, 4_095, 4_096, 8_193, 8_192, 12_289].map((id) => page.mayHaveBegun(id))).toEqual([
      false,
      false,
      true,
      true,
      true,
      false,
      false,
    ])
  }
})

test('while it is not certain that the worker is dead, every call may have begun', () => {
  const page = new BegunPage(join(directory, 'page'))
  expect(page.mayHaveBegun(1)).toBe(true)
  page.close(false)
  expect(page.mayHaveBegun(1)).toBe(true)
  expect(existsSync(page.path)).toBe(false)
})

test('a page that cannot be made is a configuration error, and a file that is there stays as it is', () => {
  expect(() => new BegunPage(join(directory, 'nowhere', 'page'))).toThrow(
    expect.objectContaining({
      code: 'CONFIGURATION',
      message: expect.stringContaining('cannot make the page of begun'),
    }),
  )
  const path = join(directory, 'taken')
  writeFileSync(path, 'mine')
  expect(() => new BegunPage(path)).toThrow(expect.objectContaining({ code: 'CONFIGURATION' }))
  expect(readFileSync(path, 'utf8')).toBe('mine')
})
