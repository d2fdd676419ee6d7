// Splits the output of a process into lines, with a limit on the length of a line.
import type { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'

/**
 * The longest line, in UTF-16 code units. A longer line is given in pieces of this length, so that no process fills the
 * memory of its host with one line.
 */
const LONGEST_LINE = 65_536

export interface LineReader {
  /** Resolves after the last line, or when the reader is closed. */
  readonly closed: Promise<void>
  /** Stops giving lines and pauses the stream. */
  close(): void
}

/** Splits bytes in UTF-8 into lines. A line ends with `\n`, `\r\n` or `\r`, which are not part of it. */
export class LineSplitter {
  readonly #decoder = new StringDecoder('utf8')
  #rest = ''
  #isAfterReturn = false

  /** Takes a chunk and returns the lines that it completes. */
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

  /** The last line, if it has no line end. Call it once, after the last chunk. */
  end(): string[] {
    const rest = this.#rest + this.#decoder.end()
    this.#rest = ''
    return rest === '' ? [] : [rest]
  }
}

/** Calls `onLine` with every line of a stream, see {@link LineSplitter}. */
export function readLines(stream: Readable, onLine: (line: string) => void): LineReader {
  const splitter = new LineSplitter()
  let isClosed = false
  let resolve: () => void = () => undefined
  const closed = new Promise<void>((settle) => (resolve = settle))

  const give = (lines: readonly string[]): void => {
    for (const line of lines) if (!isClosed) onLine(line)
  }
  const take = (chunk: Buffer): void => {
    give(splitter.push(chunk))
  }
  const close = (): void => {
    if (isClosed) return
    isClosed = true
    stream.off('data', take)
    stream.pause()
    resolve()
  }
  const end = (): void => {
    give(splitter.end())
    close()
  }
  stream.on('data', take).once('end', end).once('close', close).once('error', close)
  return { closed, close }
}

/** Cuts a line into pieces of at most LONGEST_LINE. An empty line is one piece. */
function pieces(line: string): string[] {
  if (line.length <= LONGEST_LINE) return [line]
  const count = Math.ceil(line.length / LONGEST_LINE)
  return Array.from({ length: count }, (_, index) => line.slice(index * LONGEST_LINE, (index + 1) * LONGEST_LINE))
}
