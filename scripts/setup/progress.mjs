const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']

/** Elapsed time for people: 0.3 s, 12.4 s, 2 min 05 s. */
export function elapsed(ms) {
  const seconds = ms / 1000
  if (seconds < 60) return `${seconds.toFixed(1)} s`
  return `${Math.floor(seconds / 60)} min ${String(Math.floor(seconds % 60)).padStart(2, '0')} s`
}

/**
 * Shows steps on a stream: one live line on a terminal; otherwise one line a step, begun when the step begins and
 * ended with its time when it ends.
 *
 * @param {NodeJS.WriteStream} stream
 */
export function createProgress(stream) {
  return stream.isTTY ? liveProgress(stream) : plainProgress(stream)
}

function plainProgress(stream) {
  return {
    note: (text) => void stream.write(`${text}\n`),
    step(title) {
      const start = performance.now()
      stream.write(`${title} … `)
      const end = (text) => void stream.write(`${text} (${elapsed(performance.now() - start)})\n`)
      return { detail() {}, done: (text = 'done') => end(text), fail: (text = 'failed') => end(text) }
    },
  }
}

function liveProgress(stream) {
  return {
    note: (text) => void stream.write(`${text}\n`),
    step(title) {
      const start = performance.now()
      let detail = ''
      let frame = 0
      const draw = () => {
        const time = elapsed(performance.now() - start)
        const line = `${FRAMES[frame++ % FRAMES.length]} ${title}  ${time}  ${detail}`
        stream.write(`\r\x1b[2K${[...line].slice(0, (stream.columns || 80) - 1).join('')}`)
      }
      const timer = setInterval(draw, 100)
      draw()
      const end = (mark, text) => {
        clearInterval(timer)
        stream.write(`\r\x1b[2K${mark} ${title}${text}  ${elapsed(performance.now() - start)}\n`)
      }
      return {
        // eslint-disable-next-line no-control-regex -- colour codes of the tools would break the line's length
        detail: (text) => (detail = text.replace(/\x1b\[[0-9;]*[A-Za-z]/g, '')),
        done: (text = '') => end('✓', text === '' ? '' : `: ${text}`),
        fail: (text = '') => end('✗', text === '' ? '' : `: ${text}`),
      }
    },
  }
}
