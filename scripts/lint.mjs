// node scripts/lint.mjs CHECK …: runs checks of our own on all files of the checkout, and prints file:line of what they
// find. The checks: width, words, headers.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { findMissingHeader, findWide, findWords } from './lint/language.mjs'
import { root } from './setup/paths.mjs'

const CHECKS = { width: findWide, words: findWords, headers: findMissingHeader }
const SOURCES = ['*.ts', '*.mjs', '*.cjs', '*.py', '*.md', '*.proto']
const NOT_OURS = /(^|\/)(generated|_generated|lint\/fixtures)\/|_pb2/

const names = process.argv.slice(2)
const unknown = names.filter((name) => !Object.hasOwn(CHECKS, name))
if (names.length === 0 || unknown.length > 0) {
  process.stderr.write(`Usage: node scripts/lint.mjs CHECK …, of ${Object.keys(CHECKS).join(', ')}\n`)
  process.exit(2)
}

const listed = execFileSync('git', ['ls-files', '-z', '-co', '--exclude-standard', ...SOURCES], { cwd: root })
const files = [...new Set(listed.toString().split('\0'))]
  .filter((path) => path !== '' && !NOT_OURS.test(path) && existsSync(join(root, path)))
  .sort()
for (const path of files) {
  const text = readFileSync(join(root, path), 'utf8')
  for (const name of names) {
    for (const { line, message } of CHECKS[name](path, text)) {
      process.stdout.write(`${path}:${line}: ${message}\n`)
      process.exitCode = 1
    }
  }
}
