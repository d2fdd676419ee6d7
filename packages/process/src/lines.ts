import type { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'

/** In UTF-16 code units. What is longer comes in pieces of this length: no process can fill the memory of its host with one line. */
const LONGEST_LINE = 65_536

export interface LineReader {
  /** Resolves when the last line has been told, or when it was closed. */
  readonly closed: Promise<void>
  /** Nothing more is told. The stream stays where it is. */
  close(): void
}

/** Tells every line of a stream of UTF-8 without its end, which is `\n`, `\r\n` or `\r`; the last one needs none. */
export function readLines(stream: Readable, tell: (line: string) => void): LineReader {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  let isAfterReturn = false
  let isClosed = false
  let resolve: () => void = () => undefined
  const closed = new Promise<void>((settle) => (resolve = settle))

  const tellAll = (lines: readonly string[]): void => {
    for (const line of lines) if (!isClosed) tell(line)
  }
  const take = (chunk: Buffer): void => {
    let text = decoder.write(chunk)
    if (text === '') return
    if (isAfterReturn && text.startsWith('\n')) text = text.slice(1)
    isAfterReturn = text.endsWith('\r')
    const lines = (rest + text).split(/\r\n|[\n\r]/)
    const last = pieces(lines.pop() ?? '')
    rest = last.pop() ?? ''
    tellAll([...lines.flatMap(pieces), ...last])
  }
  const close = (): void => {
    if (isClosed) return
    isClosed = true
    stream.off('data', take)
    stream.pause()
    resolve()
  }
  const end = (): void => {
    rest += decoder.end()
    if (rest !== '') tellAll([rest])
    close()
  }
  stream.on('data', take).once('end', end).once('close', close).once('error', close)
  return { closed, close }
}

/** At least one. */
function pieces(line: string): string[] {
  if (line.length <= LONGEST_LINE) return [line]
  const count = Math.ceil(line.length / LONGEST_LINE)
  return Array.from({ length: count }, (_, index) => line.slice(index * LONGEST_LINE, (index + 1) * LONGEST_LINE))
}
