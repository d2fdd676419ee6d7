// Wraps the prose of source files at 120 columns: comments, and the docstrings of Python. Works line by line: words
// that are too many for a line move to the next line of the same paragraph, and no other line changes.

const WIDTH = 120

/** What a line of a list, a table, a tag or code begins with: such a line is no continuation of the line before. */
const BEGINS_ANEW = /^(?:[-*|>@#+]|\d+[.)] |```|"""|$)/

/**
 * @param {string} source
 * @param {'typescript' | 'python'} language
 * @returns {{ text: string, wide: { line: number, isFixed: boolean }[] }} wide: the lines of the source that are too
 * wide
 */
export function wrapProse(source, language) {
  const lines = source.split('\n').map((text, index) => ({ text, line: index + 1 }))
  const wide = []
  const out = []
  const proseOf = language === 'python' ? pythonProse() : typescriptProse()
  while (lines.length > 0) {
    const { text, line } = lines.shift()
    const prose = proseOf(text)
    if (prose === undefined || text.length <= WIDTH) {
      out.push(text)
      continue
    }
    const fitting = prose.wrap?.(lines[0]?.text)
    if (line !== undefined) wide.push({ line, isFixed: fitting !== undefined })
    if (fitting === undefined) out.push(text)
    else {
      out.push(...fitting.done)
      if (fitting.joins) lines.shift()
      // Looked at again: it may be too wide now.
      lines.unshift(...fitting.again.map((each) => ({ text: each })))
    }
  }
  return { text: out.join('\n'), wide }
}

/** Splits the words of a line that begins with `prefix`, and hangs the rest before the next line where that goes on. */
function wrapAt(prefix, words, next, continuation) {
  const most = words.lastIndexOf(' ', WIDTH - prefix.length)
  if (most <= 0) return undefined
  let cut = most
  while (cut > 0 && isInSpan(words.slice(0, cut))) cut = words.lastIndexOf(' ', cut - 1)
  // A span that is wider than a line is split.
  if (cut <= 0) cut = most
  const rest = words.slice(cut + 1)
  const goesOn = next !== undefined && next.startsWith(continuation) && !/^\s/.test(next.slice(continuation.length))
  const following = goesOn ? next.slice(continuation.length) : ''
  const joins = goesOn && !BEGINS_ANEW.test(following) && !rest.endsWith('"""')
  return {
    done: [prefix + words.slice(0, cut).trimEnd()],
    again: [continuation + (joins ? `${rest} ${following}` : rest)],
    joins,
  }
}

/** Whether a text ends within `code` or a {@link …}. */
const isInSpan = (text) =>
  text.replaceAll('``', '`').split('`').length % 2 === 0 || text.lastIndexOf('{@') > text.lastIndexOf('}')

function typescriptProse() {
  let isBlock = false
  let isCode = false
  return (text) => {
    const [, indent, body] = /^(\s*)(.*)$/.exec(text)
    const wasBlock = isBlock
    if (body.startsWith('/*')) isBlock = !body.includes('*/')
    else if (isBlock && body.includes('*/')) isBlock = false
    if (!isBlock) isCode = false
    if (wasBlock) {
      if (/^\* ?```/.test(body)) isCode = !isCode
      const [, margin, bullet, words] = /^(\s*\*\s+)([-*] )?(.*)$/.exec(text) ?? []
      if (isCode || margin === undefined || words.startsWith('|')) return undefined
      if (words.endsWith('*/')) return {}
      return {
        wrap: (next) => wrapAt(margin + (bullet ?? ''), words, next, bullet === undefined ? margin : `${margin}  `),
      }
    }
    const single = /^\/\*\*\s+(.*?)\s*\*\/$/.exec(body)
    if (single !== null) {
      return {
        wrap() {
          isBlock = true
          return { done: [`${indent}/**`], again: [`${indent} * ${single[1]}`, `${indent} */`], joins: false }
        },
      }
    }
    if (/^\/\/ (eslint|@ts)-/.test(body)) return undefined
    if (body.startsWith('// ')) return { wrap: (next) => wrapAt(`${indent}// `, body.slice(3), next, `${indent}// `) }
    const trailing = /^(.*[^:'"`\s])\s+\/\/ ([^'"`]*)$/.exec(body)
    if (trailing === null || trailing[2].startsWith('prettier-ignore')) return undefined
    return { wrap: () => ({ done: [], again: [`${indent}// ${trailing[2]}`, indent + trailing[1]], joins: false }) }
  }
}

/** A line of an example. */
const CALL = /^\w+\(.*\)$/

function pythonProse() {
  /** `docstring`, `string` or undefined: what the line before has left open. */
  let open
  return (text) => {
    const [, indent, body] = /^(\s*)(.*)$/.exec(text)
    const was = open
    const isOdd = (body.split('"""').length - 1) % 2 === 1
    if (isOdd) open = was === undefined ? (body.startsWith('"""') ? 'docstring' : 'string') : undefined
    const isDocstring = was === 'docstring' || (was === undefined && body.startsWith('"""'))
    if (isDocstring && !CALL.test(body)) {
      return {
        wrap(next) {
          const [, margin, bullet, words] = /^(\s*)([-*] )?(.*)$/.exec(text)
          const continuation = bullet === undefined ? margin : `${margin}  `
          const wrapped = wrapAt(margin + (bullet ?? ''), words, next, continuation)
          // What moves on may hold the end of the docstring.
          if (wrapped !== undefined) open = 'docstring'
          return wrapped
        },
      }
    }
    if (was === undefined && body.startsWith('# ')) {
      return { wrap: (next) => wrapAt(`${indent}# `, body.slice(2), next, `${indent}# `) }
    }
    return undefined
  }
}
