const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']

/** Elapsed time for people: 0.3 s, 12.4 s, 2 min 05 s. */
export function elapsed(ms) {
  const seconds = ms / 1000
  if (seconds < 60) return `${seconds.toFixed(1)} s`
  return `${Math.floor(seconds / 60)} min ${String(Math.floor(seconds % 60)).padStart(2, '0')} s`
}

/**
 * Shows steps on a stream; several may be under way at once. On a terminal one live line tells of them. Elsewhere each
 * is one line, begun when the step begins, or written when it ends if others are under way.
 *
 * @param {NodeJS.WriteStream} stream
 */
export function createProgress(stream) {
  return stream.isTTY && process.env.TERM !== 'dumb' ? liveProgress(stream) : plainProgress(stream)
}

function plainProgress(stream) {
  /** The step whose line is begun and not ended. */
  let open
  const endLine = () => {
    if (open !== undefined) stream.write('\n')
    open = undefined
  }
  return {
    note(text) {
      endLine()
      stream.write(`${text}\n`)
    },
    step(title, { alone = true } = {}) {
      const start = performance.now()
      const step = {}
      if (alone) {
        endLine()
        stream.write(`${title} … `)
        open = step
      }
      const end = (text) => {
        if (open !== step) {
          endLine()
          stream.write(`${title} … `)
        }
        open = undefined
        stream.write(`${text} (${elapsed(performance.now() - start)})\n`)
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
        stream.write(`${mark} ${title}${text}  ${elapsed(performance.now() - step.start)}\n`)
        if (running.size > 0) return draw()
        clearInterval(timer)
        timer = undefined
      }
      return {
        // eslint-disable-next-line no-control-regex -- colour codes of the tools would break the line's length
        detail: (text) => (step.detail = text.replace(/\x1b\[[0-9;]*[A-Za-z]/g, '')),
        done: (text = '') => end('✓', text === '' ? '' : `: ${text}`),
        fail: (text = '') => end('✗', text === '' ? '' : `: ${text}`),
      }
    },
  }
}
