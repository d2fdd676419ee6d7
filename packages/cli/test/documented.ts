// Objects as the README writes them, `{ "a", "b"?, "c": [name] }`, to compare with what the commands print.
import { expect } from '@jest/globals'
import { plain, tableRows } from '../../../test/support/markdown.ts'

const README = 'packages/cli/README.md'

/** `null`: anything; a text: the name of another shape; a list: of such elements; else the fields. */
type Shape = null | string | readonly [Shape] | { readonly [field: string]: Shape }

/** Reads the README's way of writing an object. */
function shapeOf(text: string): Shape {
  const json = plain(text)
    .replace(/([:[]\s*)([a-z]+)(?=\s*[\],}])/g, '$1"$2"')
    .replace(/"(\w+)"\?/g, '"$1?"')
    .replace(/([{,]\s*)("\w+\??")(?!\s*:)/g, '$1$2: null')
  return JSON.parse(json) as Shape
}

const named = new Map(tableRows(README, 'What the objects hold').map((row) => [plain(row.name), row.object ?? '']))

/** Fails unless a value is what the README says of a command, for example `ps`. */
export function expectDocumented(command: string, value: unknown): void {
  const row = tableRows(README, 'JSON').find((each) => plain(each.command) === command)
  compare(value, shapeOf(row?.object ?? ''), command)
}

function compare(value: unknown, shape: Shape, at: string): void {
  if (shape === null) expect([at, value]).not.toEqual([at, undefined])
  else if (shape === 'actor' || shape === 'worker')
    compareActor(value as Record<string, unknown>, shape === 'worker', at)
  else if (typeof shape === 'string') compare(value, shapeOf(named.get(shape) ?? `the README has no ${shape}`), at)
  else if (Array.isArray(shape)) {
    expect([at, Array.isArray(value)]).toEqual([at, true])
    for (const each of value as readonly unknown[]) compare(each, (shape as readonly [Shape])[0], `${at}[]`)
  } else {
    const fields = shape as Readonly<Record<string, Shape>>
    const given = value as Readonly<Record<string, unknown>>
    const names = Object.keys(fields).filter((name) => !name.endsWith('?') || name.slice(0, -1) in given)
    expect([at, ...Object.keys(given).sort()]).toEqual([at, ...names.map((name) => name.replace('?', '')).sort()])
    for (const name of names) {
      const field = name.replace('?', '')
      compare(given[field], fields[name] ?? null, `${at}.${field}`)
    }
  }
}

/** Each field of an actor has a row in the page of the protocol. */
function compareActor(actor: Record<string, unknown>, isWorker: boolean, at: string): void {
  const known = tableRows('docs/observe-protocol.md', 'An actor').flatMap((row) => plain(row.field).split(', '))
  const { program, ...fields } = actor
  expect([at, Object.keys(fields).filter((name) => !known.includes(name))]).toEqual([at, []])
  expect([at, program !== undefined]).toEqual([at, isWorker])
  if (isWorker) compare(program, 'program', `${at}.program`)
}
