// One file of the sources uses XState's private parts, and imports XState by value.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from '@jest/globals'
import ts from 'typescript'

/** What a file may not do outside of actor/xstate.ts: import XState by value, or use a private part or event of it. */
function privateUses(text: string): string[] {
  const found: string[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) {
      const { moduleSpecifier: from } = node
      const isType = ts.isImportDeclaration(node)
        ? node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword
        : node.isTypeOnly
      if (from !== undefined && ts.isStringLiteral(from) && /^xstate(\/|$)/.test(from.text) && !isType) {
        found.push('import by value')
      }
    } else if (ts.isPropertyAccessExpression(node) && node.name.text.startsWith('_')) found.push(node.name.text)
    else if (ts.isStringLiteralLike(node) && /^(_[a-z]|xstate\.)/.test(node.text)) found.push(node.text)
    else if (ts.isTemplateHead(node) && /^xstate\./.test(node.text)) found.push(node.text)
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile('file.ts', text, ts.ScriptTarget.Latest))
  return found
}

test('one file imports XState by value and uses its private parts', () => {
  const folder = fileURLToPath(new URL('../src/', import.meta.url))
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'))
  const using = paths.filter((path) => privateUses(readFileSync(join(folder, path), 'utf8')).length > 0)
  expect(using).toEqual([join('actor', 'xstate.ts')])
})

test('the check of one file finds an import by value, a private part and an event', () => {
  const text = [
    "import type { AnyActorRef } from 'xstate'",
    "import { Actor } from 'xstate'",
    "export * from 'xstate/graph'",
    'ref._parent',
    "'_subscription' in ref",
    "send({ type: 'xstate.stop' })",
    'send({ type: `xstate.done.actor.${id}` })',
  ].join('\n')
  const found = ['import by value', 'import by value', '_parent', '_subscription', 'xstate.stop', 'xstate.done.actor.']
  expect(privateUses(text)).toEqual(found)
})
