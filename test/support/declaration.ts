// Reads declarations from the sources, so that a test can prove that its table names every member.
import { join } from 'node:path'
import ts from 'typescript'
import { ROOT } from './command.ts'

/** The members of an interface or an object type. */
export interface Declared {
  /** The names of all its members. */
  readonly members: readonly string[]
  /** The names of members that may hold an object or a function, and so a user's code. */
  readonly hooks: readonly string[]
}

const OPTIONS: ts.CompilerOptions = {
  strict: true,
  noEmit: true,
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext,
  allowImportingTsExtensions: true,
  skipLibCheck: true,
}

/** Parses each file once, TypeScript's own libraries too: all declarations of a test share them. */
const host = ts.createCompilerHost(OPTIONS)
const parse = host.getSourceFile.bind(host)
const parsed = new Map<string, ts.SourceFile | undefined>()
host.getSourceFile = (path, ...how) => {
  if (!parsed.has(path)) parsed.set(path, parse(path, ...how))
  return parsed.get(path)
}

/**
 * Reads a declaration from a source file (relative to the checkout), inherited members included. Both lists are sorted.
 */
export function declared(file: string, name: string): Declared {
  const path = join(ROOT, file)
  const program = ts.createProgram([path], OPTIONS, host)
  const checker = program.getTypeChecker()
  const source = program.getSourceFile(path)
  const declaration = source?.statements.find(
    (each) => (ts.isInterfaceDeclaration(each) || ts.isTypeAliasDeclaration(each)) && each.name.text === name,
  )
  if (declaration === undefined) throw new Error(`${file} declares no ${name}`)
  const properties = checker.getPropertiesOfType(checker.getTypeAtLocation(declaration))
  const mayHoldCode = (property: ts.Symbol): boolean => {
    const type = checker.getNonNullableType(checker.getTypeOfSymbol(property))
    const parts = type.isUnion() ? type.types : [type]
    return parts.some(({ flags }) => (flags & (ts.TypeFlags.Object | ts.TypeFlags.NonPrimitive | ANYTHING)) !== 0)
  }
  return {
    members: properties.map((property) => property.name).sort(),
    hooks: properties
      .filter(mayHoldCode)
      .map((property) => property.name)
      .sort(),
  }
}

const ANYTHING = ts.TypeFlags.Any | ts.TypeFlags.Unknown | ts.TypeFlags.Intersection

/** The names of members of `T` that may hold an object or a function. */
export type HookOf<T> = {
  [K in keyof T & string]-?: [Extract<NonNullable<T[K]>, object>] extends [never] ? never : K
}[keyof T & string]
