import { expect, test } from '@jest/globals'
import { Progress } from '../src/progress.ts'

class Recorder {
  text = ''
  readonly isTTY: boolean
  readonly columns = 80
  constructor(isTTY: boolean) {
    this.isTTY = isTTY
  }
  write(text: string): void {
    this.text += text
  }
}

/** Ten files, one every second. */
function show(isTTY: boolean, term?: string): Recorder {
  const screen = new Recorder(isTTY)
  let now = 0
  const progress = new Progress(screen, 10, () => now, term)
  for (let file = 0; file < 10; file += 1) {
    now += 1_000
    progress.advance()
    if (file === 4) progress.say('half way')
  }
  progress.end()
  return screen
}

test.each([
  ['without a terminal', false, 'xterm'],
  ['A10: on a terminal that cannot erase', true, 'dumb'],
])('%s: a plain line every two seconds', (_, isTTY, term) => {
  expect(show(isTTY, term).text.split('\n')).toEqual([
    '2 of 10 files, 1/s, 8 s left',
    '4 of 10 files, 1/s, 6 s left',
    'half way',
    '6 of 10 files, 1/s, 4 s left',
    '8 of 10 files, 1/s, 2 s left',
    '10 of 10 files, 1/s, 0 s left',
    '',
  ])
})

test('on a terminal: one bar that is drawn again, gone at the end', () => {
  const { text } = show(true, 'xterm')
  expect(text).toContain('[###############...............] 5 of 10 files, 1/s, 5 s left')
  expect(text).toContain('\r\u001b[Khalf way\n')
  expect(text.split('\n')).toHaveLength(2)
  expect(text.endsWith('\r\u001b[K')).toBe(true)
})
