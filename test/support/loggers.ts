// Loggers for tests: a silent one, and one whose lines are read afterwards.
import { pino, type Level, type Logger } from 'pino'

export const silent = pino({ level: 'silent' })

/** A logger of this level, and the JSON lines that it has written. */
export function recordingLogger(level: Level): { readonly logger: Logger; readonly lines: string[] } {
  const lines: string[] = []
  return { lines, logger: pino({ level }, { write: (line: string) => void lines.push(line) }) }
}
