// Compares the tables of the README with the commands, their options and the exit codes.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { ROOT } from '../../../test/support/command.ts'
import { plain, tableRows } from '../../../test/support/markdown.ts'
import { commands, EXIT_CODES } from '../src/main.ts'

const README = 'packages/cli/README.md'

/** A command with its arguments and options, but for `--json`, which all have. */
const usages = commands(() => undefined).commands.map((command) => {
  const args = command.registeredArguments.map((each) => (each.required ? each.name() : `[${each.name()}]`))
  const options = command.options.map(({ flags }) => flags).filter((flags) => flags !== '--json')
  return [command.name(), ...args, ...options.map((flags) => `[${flags.replace(/[<>]/g, '')}]`)].join(' ')
})

test('the README has each command, with its arguments and options, and each has a file', () => {
  expect(tableRows(README, 'Commands').map((row) => plain(row.command))).toEqual(usages)
  const files = readdirSync(join(ROOT, 'packages/cli/src/commands')).map((file) => file.replace('.ts', ''))
  expect(usages.map((line) => line.split(' ')[0]).sort()).toEqual(files.sort())
})

test('the README has each exit code', () => {
  const rows = tableRows(README, 'Exit codes')
  expect(rows.map((row) => [row['exit code'], (row.when ?? '').split(':')[0]])).toEqual(EXIT_CODES)
})

test('every command has --json, and the README says what it prints', () => {
  expect(commands(() => undefined).commands.filter(({ options }) => options[0]?.flags !== '--json')).toEqual([])
  const documented = tableRows(README, 'JSON').map((row) => plain(row.command).split(' ')[0])
  expect(new Set(documented.slice(0, -1))).toEqual(new Set(usages.map((line) => line.split(' ')[0])))
})
