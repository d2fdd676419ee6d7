/**
 * The rooms of the sources: which folder may import which, and that one file alone imports XState by value and uses its
 * private parts.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from '@jest/globals'
import ts from 'typescript'

/** From the bottom up; a file imports from its own room and from rooms below. `.` is the folder of the index. */
const ROOMS = ['base', 'policy', 'spec', 'core', 'actor', 'otp', '.', 'testing']
const OF_XSTATE = 'actor/xstate.ts'

type Sources = ReadonlyMap<string, string>
interface Import {
  readonly from: string
  readonly isType: boolean
}

const SRC = fileURLToPath(new URL('../src/', import.meta.url))
const sources: Sources = new Map(
  readdirSync(SRC, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => [path, readFileSync(join(SRC, path), 'utf8')]),
)

const parse = (path: string, text: string): ts.SourceFile => ts.createSourceFile(path, text, ts.ScriptTarget.Latest)

/** The imports and re-exports of a file; paths are relative to the sources. */
function importsOf(path: string, text: string): Import[] {
  return parse(path, text).statements.flatMap((statement) => {
    if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) return []
    const { moduleSpecifier: specifier } = statement
    if (specifier === undefined || !ts.isStringLiteral(specifier)) return []
    const isType = ts.isExportDeclaration(statement)
      ? statement.isTypeOnly
      : statement.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword
    const from = specifier.text.startsWith('.') ? join(dirname(path), specifier.text) : specifier.text
    return [{ from, isType }]
  })
}

const roomOf = (path: string): number => ROOMS.indexOf(path.includes('/') ? (path.split('/')[0] ?? '') : '.')

/** The imports that go up, from a room to one above. */
function upward(files: Sources): string[] {
  return [...files].flatMap(([path, text]) =>
    importsOf(path, text)
      .filter(({ from }) => files.has(from) && roomOf(from) > roomOf(path))
      .map(({ from }) => `${path} imports ${from}`),
  )
}

/** The files that take part in a cycle of imports at run time. */
function cyclic(files: Sources): string[] {
  const below = (path: string): string[] =>
    importsOf(path, files.get(path) ?? '').flatMap(({ from, isType }) => (isType ? [] : [from]))
  const reaches = (start: string): boolean => {
    const seen = new Set<string>()
    const open = below(start)
    for (let path = open.pop(); path !== undefined; path = open.pop()) {
      if (path === start) return true
      if (seen.has(path) || !files.has(path)) continue
      seen.add(path)
      open.push(...below(path))
    }
    return false
  }
  return [...files.keys()].filter(reaches)
}

/** Imports of XState by value, names with an underscore, and XState's own events, outside of the file for them. */
function ofXState(files: Sources): string[] {
  return [...files].flatMap(([path, text]) => {
    if (path === OF_XSTATE) return []
    const found = importsOf(path, text).some(({ from, isType }) => from === 'xstate' && !isType)
      ? [`${path} imports XState by value`]
      : []
    const visit = (node: ts.Node): void => {
      if (ts.isPropertyAccessExpression(node) && node.name.text.startsWith('_'))
        found.push(`${path}: ${node.name.text}`)
      if (ts.isStringLiteralLike(node) && /^(_[a-z]|xstate\.)/.test(node.text)) found.push(`${path}: ${node.text}`)
      ts.forEachChild(node, visit)
    }
    visit(parse(path, text))
    return found
  })
}

test('every file is in a room', () => {
  expect([...sources.keys()].filter((path) => roomOf(path) === -1)).toEqual([])
  expect(sources.has(OF_XSTATE)).toBe(true)
})

test('imports go down, from room to room, and in no circle', () => {
  expect(upward(sources)).toEqual([])
  expect(cyclic(sources)).toEqual([])
})

test('the ground floor needs neither XState nor another room', () => {
  const outside = [...sources].flatMap(([path, text]) =>
    path.startsWith('base/')
      ? importsOf(path, text).flatMap(({ from }) => (from.startsWith('base/') ? [] : [`${path}: ${from}`]))
      : [],
  )
  expect(outside).toEqual(['base/listeners.ts: eventemitter3'])
})

test('XState is imported by value, and its private parts are used, in one file', () => {
  expect(ofXState(sources)).toEqual([])
})

test('the checks find what they look for', () => {
  const planted = new Map([
    ['base/a.ts', "import type { B } from '../core/b.ts'\nimport { C } from './c.ts'\nimport { Actor } from 'xstate'"],
    ['base/c.ts', "export * from './a.ts'\nref._parent\n;'_subscription' in ref\nsend({ type: 'xstate.stop' })"],
    ['core/b.ts', "import type { AnyActorRef } from 'xstate'"],
    [OF_XSTATE, "import * as XState from 'xstate'\nref._parent"],
  ])
  expect(upward(planted)).toEqual(['base/a.ts imports core/b.ts'])
  expect(cyclic(planted)).toEqual(['base/a.ts', 'base/c.ts'])
  expect(ofXState(planted)).toEqual([
    'base/a.ts imports XState by value',
    'base/c.ts: _parent',
    'base/c.ts: _subscription',
    'base/c.ts: xstate.stop',
  ])
})
