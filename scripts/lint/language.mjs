// Checks of the prose in this project: no word that docs/glossary.md replaces, a comment at the top of each source
// file, and no comment wider than 120 columns. Each answers the lines that it objects to. Run with: node
// scripts/lint.mjs CHECK

/** Words not to be used, in whatever case and as parts of identifiers too, and what to write instead. */
const WORDS = [
  [/\b(he|she|him|his|her|hers|himself|herself)\b/, 'name the thing, or "it"'],
  [/\bwh(o|om|oso)ever\b/, 'name the thing, or "any process that"'],
  [/\b(some|no|any|every)body\b|\b(some|every)one\b/, 'name the thing, or "a caller"'],
  [/\b(ones?|those)\s+(that|who|which)\b/, 'name the thing again'],
  [/\bhouse\b/, '"project" or "package"'],
  [/\boutlets?\b/, '"output"'],
  [/\btend(ing|ed|s)\b/, 'the operation, for example "signal" or "kill"'],
  [/\bflocks?\b/, '"workers" or "shepherd"'],
  [/\bwardens?\b/, '"guard process"'],
  [/\bhir(e|es|ed|ing)\b/, '"spawn" or "start"'],
  [/\brous(e|es|ed|ing)\b/, '"wake" or "start"'],
  [/\bbur(y|ies|ied|ying|ial)\b/, '"cleared"'],
  [/\bspecimens?\b/, 'the thing, or no word'],
  [/\benclosures?\b/, '"containment"'],
  [/\bbirths?\b/, '"spawn" or "incarnation"'],
  [/\b(surroundings|circumstances)\b/, '"dependencies" or "environment"'],
  [/\bmarkers?\b/, '"spawn tag"'],
].map(([pattern, instead]) => ({ pattern: new RegExp(pattern, 'gi'), instead }))

/** Where a word is a quotation or a name that is not ours. */
const ALLOWED = [
  { path: /^docs\/glossary\.md$/, text: /.*/, why: 'the glossary names the words that it replaces' },
  { path: /^(scripts\/lint\/language\.mjs|test\/lint\/language\.test\.ts)$/, text: /.*/, why: 'the check itself' },
  { path: /./, text: /fcntl\.flock|`flock`|\bflock\(2\)/g, why: 'the system call' },
]

/**
 * The words in a file that the glossary replaces.
 *
 * @param {string} path relative to the root
 * @param {string} text
 * @returns {{ line: number, message: string }[]}
 */
export function findWords(path, text) {
  const allowed = ALLOWED.filter((each) => each.path.test(path))
  return text.split('\n').flatMap((line, index) => {
    const checked = splitIdentifiers(allowed.reduce((rest, each) => rest.replace(each.text, ' '), line))
    return WORDS.flatMap(({ pattern, instead }) =>
      [...checked.matchAll(pattern)].map(([word]) => ({ line: index + 1, message: `"${word}": write ${instead}` })),
    )
  })
}

/** `runWarden` and `run_warden` as the words that they consist of. */
const splitIdentifiers = (line) => line.replace(/([a-z\d])([A-Z])/g, '$1 $2').replaceAll('_', ' ')

/** Tests, and the programs of pages, which are the same text as on the page. */
const NO_HEADER = /(\.test\.ts|\/test\/(readme\.\w+|\w+\.example)\.ts|(^|\/)test_\w+\.py)$/
/** What may stand before the header: an interpreter, references to types, orders to tools, empty lines. */
const BEFORE_HEADER = /^(#!.*\n|\/\/\/ .*\n|\/\/ (eslint|oxlint|oxfmt|@ts|prettier)-.*\n|\/\* eslint-.*\n|\s*\n)*/
const HEADER = { ts: /^(\/\*[^]*?\*\/|(\/\/.*\n?)+)/, py: /^([rR]?"""[^]*?"""|(#.*\n?)+)/ }

/**
 * Whether a source file says in whole sentences at its top what it is for. The names of tests say it of tests.
 *
 * @param {string} path relative to the root
 * @param {string} text
 * @returns {{ line: number, message: string }[]}
 */
export function findMissingHeader(path, text) {
  const language = /\.(ts|mjs|cjs)$/.test(path) ? 'ts' : path.endsWith('.py') ? 'py' : undefined
  if (language === undefined || NO_HEADER.test(path) || text.trim() === '') return []
  const header = HEADER[language].exec(text.replace(BEFORE_HEADER, ''))?.[0]
  if (header !== undefined && /[.:]["`)\s*/]*(\s|$)/.test(header)) return []
  return [{ line: 1, message: 'a file opens with a comment of what it is for, in whole sentences' }]
}

const WIDTH = 120
/** Pages are wrapped later: their lines have no indentation of code. */
const PAGE_WIDTH = 145
const ORDER = /\/\/ (eslint-|oxlint-|@ts-|prettier-ignore)|https?:\/\/\S{60}/

/**
 * The comments and docstrings that are wider than 120 columns, and the lines of pages that are wider than 145, but for
 * tables and code. Code is the formatter's matter: strings may be wider.
 *
 * @param {string} path relative to the root
 * @param {string} text
 * @returns {{ line: number, message: string }[]}
 */
export function findWide(path, text) {
  const isPage = path.endsWith('.md')
  const isProse = isPage ? pageProse() : path.endsWith('.py') ? pythonProse() : isTypeScriptProse
  const width = isPage ? PAGE_WIDTH : WIDTH
  return text.split('\n').flatMap((line, index) => {
    const isWide = isProse(line) && [...line].length > width && !ORDER.test(line)
    return isWide ? [{ line: index + 1, message: `wider than ${width} columns` }] : []
  })
}

/** What is neither a table nor a block of code. */
function pageProse() {
  let isInCode = false
  return (line) => {
    if (/^\s*```/.test(line)) isInCode = !isInCode
    return !isInCode && !/^\s*\|/.test(line)
  }
}

/** A comment, or a comment behind code; a string may hold what looks like one. */
const isTypeScriptProse = (line) => /^\s*(\/\/|\/\*|\* |\*\/)/.test(line) || /\s\/\/ [^'"`]*$/.test(line)

/** Comments, and lines of docstrings: strings in three quotes that begin a line. Examples in them are code. */
function pythonProse() {
  let open
  return (line) => {
    const begins = open === undefined && /^\s*[rR]?"""/.test(line)
    const isDocstring = begins || open === 'docstring'
    if (line.split('"""').length % 2 === 0) open = open === undefined ? (begins ? 'docstring' : 'string') : undefined
    return isDocstring ? !/^\s*\w+\(.*\)$/.test(line) : open === undefined && /^\s*# /.test(line)
  }
}
