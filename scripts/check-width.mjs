// Finds comments and docstrings that are wider than 120 columns; with --fix wraps them. Code is Prettier's matter: a
// string that is wider stays.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './setup/paths.mjs'
import { wrapProse } from './lint/width.mjs'

const isFix = process.argv.includes('--fix')
const listed = execFileSync('git', ['ls-files', '-z', '*.ts', '*.tsx', '*.mjs', '*.cjs', '*.py'], {
  cwd: root,
  encoding: 'utf8',
})
const files = listed.split('\0').filter((path) => path !== '' && !/(^|\/)(generated|lint\/fixtures)\/|_pb2/.test(path))
let found = 0
for (const path of files) {
  const source = readFileSync(join(root, path), 'utf8')
  const { text, wide } = wrapProse(source, path.endsWith('.py') ? 'python' : 'typescript')
  if (isFix && text !== source) writeFileSync(join(root, path), text)
  const left = isFix ? wide.filter(({ isFixed }) => !isFixed) : wide
  for (const { line } of left) process.stdout.write(`${path}:${line}: wider than 120 columns\n`)
  found += left.length
}
if (found > 0) {
  process.stdout.write(isFix ? '' : 'Wrap them with: node scripts/check-width.mjs --fix\n')
  process.exitCode = 1
}
