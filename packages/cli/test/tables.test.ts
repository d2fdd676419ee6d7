// Compares the table of commands in the README with the command's own help and its folder of commands.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { ROOT } from '../../../test/support/command.ts'
import { page, plain, tableRows } from '../../../test/support/markdown.ts'

const README = 'packages/cli/README.md'

test('the README has each command, as the help writes it', () => {
  const help = [...page('packages/cli/src/main.ts').matchAll(/^ {2}terrarium (.+)$/gm)].map(([, line]) => line)
  const found = tableRows(README, 'Commands').map((row) => plain(row.command))
  expect(found).toEqual(help)
  const files = readdirSync(join(ROOT, 'packages/cli/src/commands')).map((file) => file.replace('.ts', ''))
  expect(found.map((line) => line.split(' ')[0]).sort()).toEqual(files.sort())
})

test('the README has each exit code of the help', () => {
  const [, said = ''] = /^Exit codes: (.*)\.$/m.exec(page('packages/cli/src/main.ts')) ?? []
  const rows = tableRows(README, 'Commands', 1)
  expect(rows.map((row) => `${row['exit code'] ?? ''} ${(row.when ?? '').split(':')[0] ?? ''}`)).toEqual(
    said.split(', '),
  )
})
