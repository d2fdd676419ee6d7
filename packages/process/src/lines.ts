import type { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'

/**
 * In UTF-16 code units. What is longer comes in pieces of this length: no process can fill the memory of its host with
 * one line.
 */
const LONGEST_LINE = 65_536

export interface LineReader {
  /** Resolves when the last line has been told, or when it was closed. */
  readonly closed: Promise<void>
  /** Nothing more is told. The stream stays where it is. */
  close(): void
}

/** Makes lines of bytes in UTF-8, without their ends, which are `\n`, `\r\n` or `\r`; the last one needs none. */
export class LineSplitter {
  readonly #decoder = new StringDecoder('utf8')
  #rest = ''
  #isAfterReturn = false

  /** The lines that are complete with this chunk. */
  push(chunk: Buffer): string[] {
    let text = this.#decoder.write(chunk)
    if (text === '') return []
    if (this.#isAfterReturn && text.startsWith('\n')) text = text.slice(1)
    this.#isAfterReturn = text.endsWith('\r')
    const lines = (this.#rest + text).split(/\r\n|[\n\r]/)
    const last = pieces(lines.pop() ?? '')
    this.#rest = last.pop() ?? ''
    return [...lines.flatMap(pieces), ...last]
  }

  /** The last line, if it has no end. */
  end(): string[] {
    const rest = this.#rest + this.#decoder.end()
    this.#rest = ''
    return rest === '' ? [] : [rest]
  }
}

/** Tells every line of a stream, see {@link LineSplitter}. */
export function readLines(stream: Readable, tell: (line: string) => void): LineReader {
  const splitter = new LineSplitter()
  let isClosed = false
  let resolve: () => void = () => undefined
  const closed = new Promise<void>((settle) => (resolve = settle))

  const tellAll = (lines: readonly string[]): void => {
    for (const line of lines) if (!isClosed) tell(line)
  }
  const take = (chunk: Buffer): void => {
    tellAll(splitter.push(chunk))
  }
  const close = (): void => {
    if (isClosed) return
    isClosed = true
    stream.off('data', take)
    stream.pause()
    resolve()
  }
  const end = (): void => {
    tellAll(splitter.end())
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
