import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { readLines } from '../src/lines.ts'

const LONGEST = 65_536

async function linesOf(chunks: readonly (string | Uint8Array)[]): Promise<string[]> {
  const stream = new PassThrough()
  const lines: string[] = []
  const { closed } = readLines(stream, (line) => lines.push(line))
  for (const chunk of chunks) stream.write(chunk)
  stream.end()
  await closed
  return lines
}

test.each<[string, (string | Uint8Array)[], string[]]>([
  ['nothing', [], []],
  ['a line without an end', ['one'], ['one']],
  ['empty lines', ['\n\none\n\n'], ['', '', 'one', '']],
  ['all three ends', ['one\ntwo\r\nthree\rfour'], ['one', 'two', 'three', 'four']],
  ['an end in two chunks', ['one\r', '\ntwo\r', '\r', '\n', '\n'], ['one', 'two', '', '']],
  ['a character in two chunks', [Buffer.from('zwö\n').subarray(0, 3), Buffer.from('zwö\n').subarray(3)], ['zwö']],
  ['a torn character', [Buffer.from('zwö').subarray(0, 3)], ['zw\ufffd']],
  ['the longest line', ['x'.repeat(LONGEST), '\n'], ['x'.repeat(LONGEST)]],
  ['a longer line', ['x'.repeat(LONGEST), 'yz\n'], ['x'.repeat(LONGEST), 'yz']],
  [
    'a longer line at once',
    ['a\n', `${'x'.repeat(2 * LONGEST)}y\nz`],
    ['a', ...Array<string>(2).fill('x'.repeat(LONGEST)), 'y', 'z'],
  ],
])('%s', async (_, chunks, lines) => {
  expect(await linesOf(chunks)).toEqual(lines)
})

test('lines do not depend on how the text is cut into chunks', async () => {
  const piece = fc.constantFrom('\n', '\r', '\r\n', '', 'a', 'ü', '蛇', '🐍', 'word')
  await fc.assert(
    fc.asyncProperty(
      fc.array(piece, { maxLength: 30 }),
      fc.infiniteStream(fc.integer({ min: 1, max: 5 })),
      async (words, sizes) => {
        const text = words.join('')
        const bytes = Buffer.from(text)
        const chunks: Buffer[] = []
        for (let at = 0; at < bytes.length;) {
          const size = sizes.next().value as number
          chunks.push(bytes.subarray(at, at + size))
          at += size
        }
        const expected = text.split(/\r\n|\n|\r/)
        if (expected.at(-1) === '') expected.pop()
        expect(await linesOf(chunks)).toEqual(expected)
      },
    ),
  )
})

test('an endless line is reported in pieces while it comes, and not buffered', async () => {
  const stream = new PassThrough()
  let told = 0
  const { closed } = readLines(stream, (line) => (told += line.length))
  for (let written = 0; written < 2e8; written += 1e6) {
    if (!stream.write(Buffer.alloc(1e6, 'x'))) await once(stream, 'drain')
  }
  expect(told).toBeGreaterThan(2e8 - 3e6)
  stream.end()
  await closed
  expect(told).toBe(2e8)
})

test('after close() no line is reported, and the stream is free for another reader', async () => {
  const stream = new PassThrough()
  const lines: string[] = []
  const reader = readLines(stream, (line) => {
    lines.push(line)
    if (line === 'stop') reader.close()
  })
  stream.write('one\nstop\ntwo\nthr')
  await reader.closed
  expect(stream.isPaused()).toBe(true)
  stream.end('ee\n')
  const rest = stream.setEncoding('utf8').toArray()
  expect(await rest).toEqual(['ee\n'])
  expect(lines).toEqual(['one', 'stop'])
})
