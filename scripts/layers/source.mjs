import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'

/** The .ts files below a folder, without builds and dependencies; none when the folder does not exist. */
export function sourceFiles(folder) {
  let entries
  try {
    entries = readdirSync(folder, { withFileTypes: true })
  } catch (error) {
    if (error.code === 'ENOENT') return []
    throw error
  }
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return ['dist', 'node_modules'].includes(entry.name) ? [] : sourceFiles(path)
    return /\.tsx?$/.test(entry.name) ? [path] : []
  })
}

/** Every module specifier of a file: import, import type, export from, import(), import('…').Type, require(). */
export function importsOf(text) {
  const { importedFiles } = ts.preProcessFile(text, true, true)
  return importedFiles.map(({ fileName, pos }) => ({ specifier: fileName, line: lineAt(text, pos) }))
}

/** The packages with types that a file names: `/// <reference types="node" />` is `@types/node`. */
export function typesOf(text) {
  return ts.preProcessFile(text, true, true).typeReferenceDirectives.map(({ fileName }) => `@types/${fileName}`)
}

/** The uses of some global names in a file that does not declare these names itself. */
export function globalsIn(text, names) {
  const file = ts.createSourceFile('file.ts', text, ts.ScriptTarget.Latest, true)
  const declared = new Set()
  const used = []
  const visit = (node) => {
    if (ts.isIdentifier(node) && names.has(node.text)) {
      if (isDeclaration(node)) declared.add(node.text)
      else if (isValue(node)) used.push({ name: node.text, line: lineAt(text, node.getStart()) })
    }
    ts.forEachChild(node, visit)
  }
  visit(file)
  return used.filter(({ name }) => !declared.has(name))
}

function isDeclaration(node) {
  const { parent } = node
  if (ts.isImportSpecifier(parent) || ts.isImportClause(parent) || ts.isNamespaceImport(parent)) return true
  const declares =
    ts.isVariableDeclaration(parent) ||
    ts.isParameter(parent) ||
    ts.isBindingElement(parent) ||
    ts.isFunctionDeclaration(parent)
  return declares && parent.name === node
}

function isValue(node) {
  const { parent } = node
  if (ts.isPropertyAccessExpression(parent) || ts.isQualifiedName(parent)) return (parent.name ?? parent.right) !== node
  if (ts.isBindingElement(parent)) return parent.propertyName !== node
  return !('name' in parent && parent.name === node) || ts.isShorthandPropertyAssignment(parent)
}

const lineAt = (text, position) => text.slice(0, position).split('\n').length
