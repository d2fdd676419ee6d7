// What the types of a package say: names of members, literals of unions, fields of events, and the defaults that doc
// comments name. For tests that compare a page with the code.
import { join } from 'node:path'
import ts from 'typescript'
import { ROOT } from './command.ts'

export interface Member {
  readonly name: string
  readonly isOptional: boolean
  readonly doc: string
}

/** Modules whose declarations the tables need. Node's alone are longer than all of the sources. */
const NEEDED = /^(\.|@terrarium\/|xstate(\/|$))/

/** Reads the sources and the declarations that the tables need, and no others: their types are errors, like `any`. */
function frugalHost(options: ts.CompilerOptions): ts.CompilerHost {
  const host = ts.createCompilerHost(options)
  const cache = ts.createModuleResolutionCache(ROOT, (path) => path, options)
  return {
    ...host,
    resolveModuleNameLiterals: (literals, from, redirect, given, file) =>
      literals.map((literal) => {
        if (!NEEDED.test(literal.text)) return { resolvedModule: undefined }
        const mode = ts.getModeForUsageLocation(file, literal, given)
        return ts.resolveModuleName(literal.text, from, given, host, cache, redirect, mode)
      }),
    resolveTypeReferenceDirectiveReferences: (references) =>
      references.map(() => ({ resolvedTypeReferenceDirective: undefined })),
  }
}

/** The exported types of some files, a package's index for instance. */
export class Shapes {
  readonly #checker: ts.TypeChecker
  readonly #exports = new Map<string, ts.Symbol>()
  readonly #names = new Map<string, readonly string[]>()

  /** @param files - from the root of the checkout */
  constructor(...files: string[]) {
    const config = ts.readConfigFile(join(ROOT, 'tsconfig.json'), (path) => ts.sys.readFile(path))
    const given = { ...(config.config as object), include: [], files }
    const { options } = ts.parseJsonConfigFileContent(given, ts.sys, ROOT)
    const roots = files.map((file) => join(ROOT, file))
    const program = ts.createProgram(roots, options, frugalHost(options))
    this.#checker = program.getTypeChecker()
    for (const file of files) {
      const source = program.getSourceFile(join(ROOT, file))
      const module = source && this.#checker.getSymbolAtLocation(source)
      if (module === undefined) throw new Error(`${file} is no module`)
      const symbols = this.#checker.getExportsOfModule(module)
      this.#names.set(
        file,
        symbols.map(({ name }) => name),
      )
      for (const symbol of symbols) this.#exports.set(symbol.name, symbol)
    }
  }

  /** The names that one of the files exports, values and types. */
  namesIn(file: string): readonly string[] {
    return this.#names.get(file) ?? []
  }

  /** The members of an interface or object type, inherited ones included. */
  members(name: string): readonly Member[] {
    return this.#membersOf(this.#type(name))
  }

  /** The string literals of a union. */
  literals(name: string): readonly string[] {
    const type = this.#type(name)
    return (type.isUnion() ? type.types : [type]).flatMap((each) => (each.isStringLiteral() ? each.value : []))
  }

  /** The fields of each event of a map from an event's name to its listener. */
  events(name: string): ReadonlyMap<string, readonly string[]> {
    const type = this.#type(name)
    return new Map(
      type.getProperties().map((property) => {
        const listener = this.#checker.getTypeOfSymbol(property)
        const [event] = listener.getCallSignatures()[0]?.getParameters() ?? []
        const fields = event === undefined ? [] : this.#membersOf(this.#checker.getTypeOfSymbol(event))
        return [property.name, fields.map((field) => field.name)]
      }),
    )
  }

  #type(name: string): ts.Type {
    const found = this.#exports.get(name)
    if (found === undefined) throw new Error(`no type ${name} is exported`)
    const symbol = found.flags & ts.SymbolFlags.Alias ? this.#checker.getAliasedSymbol(found) : found
    return this.#checker.getDeclaredTypeOfSymbol(symbol)
  }

  #membersOf(type: ts.Type): Member[] {
    return this.#checker.getPropertiesOfType(type).map((property) => ({
      name: property.name,
      isOptional: (property.flags & ts.SymbolFlags.Optional) !== 0,
      doc: ts.displayPartsToString(property.getDocumentationComment(this.#checker)),
    }))
  }
}

/**
 * The default that a doc comment names: a number, a word in code marks, true or false. Undefined if it names none, or a
 * variable of the environment.
 */
export function namedDefault(doc: string): string | undefined {
  const [, found] = /\bdefault:? (\d[\d,]*|`[^`]*[a-z][^`]*`|true|false)/i.exec(doc) ?? []
  return found === undefined || /^`[A-Z_]+`$/.test(found) ? undefined : found.replaceAll('`', '').replace(/,$/, '')
}
