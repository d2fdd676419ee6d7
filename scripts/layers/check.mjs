import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { readJson, root } from '../setup/paths.mjs'
import { globalsIn, importsOf, sourceFiles, typesOf } from './source.mjs'

/** The packages from the ground up; an import may only go down. */
export const FLOORS = ['supervisor', 'process', 'worker', 'pool', 'cli']

/** The package that runs in a browser too. */
const PORTABLE = 'supervisor'

const SCOPE = '@terrarium/'
const NODE_GLOBALS = new Set([
  'process',
  'Buffer',
  'setImmediate',
  'clearImmediate',
  'global',
  'require',
  '__dirname',
  '__filename',
  'NodeJS',
])
const BUILTINS = new Set(builtinModules)

/** Prints what is wrong in this checkout. @returns {number} exit code */
export function checkCheckout() {
  const findings = check(root)
  for (const finding of findings) process.stdout.write(`${finding}\n`)
  if (findings.length === 0) process.stdout.write(`The layers hold: ${FLOORS.join(' ← ')}\n`)
  return findings.length === 0 ? 0 : 1
}

/**
 * Everything in a checkout that goes against the layers, one sentence each.
 *
 * @param {string} base folder with packages/, and perhaps examples/, test/ and tsconfig.json
 * @returns {string[]}
 */
export function check(base) {
  const packages = readdirSync(join(base, 'packages'))
  return [
    ...packages.flatMap((name) =>
      FLOORS.includes(name)
        ? [...checkManifest(base, name), ...checkSources(base, name), ...(name === PORTABLE ? checkPortable(base) : [])]
        : [`packages/${name} has no floor: add it to FLOORS in scripts/layers/check.mjs`],
    ),
    ...checkDoors(base, packages),
    ...checkReferences(base),
  ]
}

const isBelow = (lower, upper) => FLOORS.indexOf(lower) < FLOORS.indexOf(upper)
const packageOf = (specifier) =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
const isBuiltin = (specifier) => specifier.startsWith('node:') || BUILTINS.has(packageOf(specifier))
const isRelative = (specifier) => specifier.startsWith('.') || specifier.startsWith('/')

function declaredBy(base, name) {
  const {
    dependencies = {},
    peerDependencies = {},
    optionalDependencies = {},
  } = readJson(join(base, 'packages', name, 'package.json'))
  return new Set(Object.keys({ ...dependencies, ...peerDependencies, ...optionalDependencies }))
}

function checkManifest(base, name) {
  const upward = [...declaredBy(base, name)].filter(
    (dependency) => dependency.startsWith(SCOPE) && !isBelow(dependency.slice(SCOPE.length), name),
  )
  const imported = new Set(
    sourceFiles(join(base, 'packages', name, 'src')).flatMap((file) => {
      const text = readFileSync(file, 'utf8')
      return [...importsOf(text).map(({ specifier }) => packageOf(specifier)), ...typesOf(text)]
    }),
  )
  const unused = [...declaredBy(base, name)].filter((dependency) => !imported.has(dependency))
  return [
    ...upward.map((dependency) => `packages/${name}/package.json: ${dependency} is not below ${name}`),
    ...unused.map((dependency) => `packages/${name}/package.json: no source imports ${dependency}`),
  ]
}

/** Imports of a package's sources go down, and are declared. */
function checkSources(base, name) {
  const declared = declaredBy(base, name)
  return eachImport(base, join('packages', name, 'src'), (specifier) => {
    if (isRelative(specifier) || isBuiltin(specifier)) return undefined
    const target = packageOf(specifier)
    if (target.startsWith(SCOPE) && !isBelow(target.slice(SCOPE.length), name)) return `${target} is not below ${name}`
    if (!declared.has(target)) return `${target} is not a dependency in packages/${name}/package.json`
    return undefined
  })
}

/** A package is entered through the doors that its manifest exports, also by tests and examples. */
function checkDoors(base, packages) {
  const doors = new Set(packages.flatMap((name) => doorsOf(base, name)))
  const owned = packages.map((name) => join(base, 'packages', name))
  const folders = [...packages.map((name) => join('packages', name)), 'examples', 'test']
  return folders.flatMap((folder) =>
    eachImport(base, folder, (specifier, file) => {
      if (specifier.startsWith(SCOPE)) {
        return specifier === packageOf(specifier) || doors.has(specifier)
          ? undefined
          : `${specifier} goes past the door of ${packageOf(specifier)}`
      }
      if (!isRelative(specifier)) return undefined
      const target = resolve(dirname(file), specifier)
      const owner = owned.find((candidate) => target.startsWith(candidate + sep))
      const home = owned.find((candidate) => file.startsWith(candidate + sep))
      if (owner !== undefined && owner !== home) return `${specifier} goes past the door of ${relative(base, owner)}`
      const leavesSources = home !== undefined && owner !== home && file.startsWith(join(home, 'src') + sep)
      return leavesSources ? `${specifier} leaves ${relative(base, home)}` : undefined
    }),
  )
}

/** Without `exports` there is one door, the package's name. */
function doorsOf(base, name) {
  const manifest = join(base, 'packages', name, 'package.json')
  const { exports = {} } = existsSync(manifest) ? readJson(manifest) : {}
  return Object.keys(exports).map((door) => `${SCOPE}${name}${door.slice(1)}`)
}

function checkPortable(base) {
  const folder = join('packages', PORTABLE)
  const types = readJson(join(base, folder, 'tsconfig.json')).compilerOptions?.types ?? []
  const globals = sourceFiles(join(base, folder, 'src')).flatMap((file) =>
    globalsIn(readFileSync(file, 'utf8'), NODE_GLOBALS).map(
      ({ name, line }) => `${relative(base, file)}:${line}: ${name} exists in Node only`,
    ),
  )
  return [
    ...(types.includes('node') ? [`${folder}/tsconfig.json: the types of Node are for packages that need Node`] : []),
    ...eachImport(base, join(folder, 'src'), (specifier) =>
      isBuiltin(specifier) ? `${specifier} exists in Node only` : undefined,
    ),
    ...globals,
  ]
}

/** What has a tsconfig.json of its own is built with the rest. */
function checkReferences(base) {
  const references = new Set(readJson(join(base, 'tsconfig.json')).references.map(({ path }) => path))
  const inside = (folder) =>
    existsSync(join(base, folder)) ? readdirSync(join(base, folder)).map((name) => `${folder}/${name}`) : []
  return [...inside('packages'), ...inside('examples'), 'test']
    .filter((folder) => existsSync(join(base, folder, 'tsconfig.json')) && !references.has(folder))
    .map((folder) => `tsconfig.json: no reference to ${folder}, so nothing builds it`)
}

function eachImport(base, folder, judge) {
  return sourceFiles(join(base, folder)).flatMap((file) =>
    importsOf(readFileSync(file, 'utf8')).flatMap(({ specifier, line }) => {
      const finding = judge(specifier, file)
      return finding === undefined ? [] : [`${relative(base, file)}:${line}: ${finding}`]
    }),
  )
}
