// Shows the steps of a command on a stream. On a terminal one live line tells of those under way; elsewhere, and where
// TERM is dumb, each step is one line. No colours are used.
import { stripVTControlCharacters } from 'node:util'

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']

/** Elapsed time for people: 0.3 s, 12.4 s, 2 min 05 s. */
export function elapsed(ms) {
  const seconds = ms / 1000
  if (seconds < 60) return `${seconds.toFixed(1)} s`
  return `${Math.floor(seconds / 60)} min ${String(Math.floor(seconds % 60)).padStart(2, '0')} s`
}

/**
 * @param {NodeJS.WriteStream} stream
 * @returns what prints notes between the steps, and begins steps; several may be under way at once, and a step that is
 * not alone is printed elsewhere when it ends
 */
export function createProgress(stream) {
  return stream.isTTY && process.env.TERM !== 'dumb' ? liveProgress(stream) : plainProgress(stream)
}

function plainProgress(stream) {
  /** The step whose line is begun and not ended. */
  let open
  const begin = (step, title) => {
    if (open !== undefined) stream.write('\n')
    if (step !== undefined) stream.write(`${title} … `)
    open = step
  }
  return {
    note(text) {
      begin(undefined)
      stream.write(`${text}\n`)
    },
    step(title, { alone = true } = {}) {
      const start = performance.now()
      const step = {}
      if (alone) begin(step, title)
      const end = (text) => {
        if (open !== step) begin(step, title)
        stream.write(`${text} (${elapsed(performance.now() - start)})\n`)
        open = undefined
      }
      return { detail() {}, done: (text = 'done') => end(text), fail: (text = 'failed') => end(text) }
    },
  }
}

function liveProgress(stream) {
  const running = new Set()
  let frame = 0
  let timer
  const clear = () => stream.write('\r\x1b[2K')
  const draw = () => {
    if (running.size === 0) return
    const steps = [...running].map(({ title, start }) => `${title}  ${elapsed(performance.now() - start)}`)
    const detail = [...running].map((step) => step.detail).findLast((text) => text !== '') ?? ''
    const line = `${FRAMES[frame++ % FRAMES.length]} ${steps.join('  ')}  ${detail}`
    clear()
    stream.write([...line].slice(0, (stream.columns || 80) - 1).join(''))
  }
  return {
    note(text) {
      clear()
      stream.write(`${text}\n`)
      draw()
    },
    step(title) {
      const step = { title, start: performance.now(), detail: '' }
      running.add(step)
      timer ??= setInterval(draw, 100)
      draw()
      const end = (mark, text) => {
        running.delete(step)
        clear()
        stream.write(`${mark} ${title}${text && `: ${text}`}  ${elapsed(performance.now() - step.start)}\n`)
        if (running.size > 0) return draw()
        clearInterval(timer)
        timer = undefined
      }
      return {
        // Control codes of the tools would break the line's length.
        detail: (text) => (step.detail = stripVTControlCharacters(text)),
        done: (text = '') => end('✓', text),
        fail: (text = '') => end('✗', text),
      }
    },
  }
}
