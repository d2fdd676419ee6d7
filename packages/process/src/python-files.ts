import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { TerrariumError } from '@terrarium/supervisor/base'

/** Names the folder with Terrarium's Python packages, for a program that is bundled into one file. */
const VARIABLE = 'TERRARIUM_PYTHON_FILES'

/** The Python packages that are known to be complete, by folder. */
const complete = new Set<string>()

/**
 * The folder that holds a Python package which comes with a Node package: TERRARIUM_PYTHON_FILES, or `python/` of the
 * installed package, or the sources in a checkout of Terrarium. `url`: `import.meta.url` of a module that lies directly
 * in the Node package's `src` or `dist`; bundlers may leave it undefined. Throws CONFIGURATION where the Python package
 * is in none of these places, or lacks a file.
 */
export function pythonFiles(url: string | undefined, nodePackage: string, pythonPackage: string): string {
  const folders = candidates(url, nodePackage)
  const [first = ''] = folders
  const folder = folders.find((each) => existsSync(join(each, pythonPackage, '__init__.py'))) ?? first
  const missing = missingFrom(join(folder, pythonPackage))
  if (missing === undefined) return folder
  const details = { package: nodePackage, missing }
  if (process.env[VARIABLE]) {
    throw new TerrariumError('CONFIGURATION', `there is no ${missing}, which comes with ${nodePackage}`, {
      hint: `Copy what the folder python of ${nodePackage} holds to ${first}, which ${VARIABLE} names, or unset that.`,
      details,
    })
  }
  throw new TerrariumError(
    'CONFIGURATION',
    `this installation of ${nodePackage} is incomplete: there is no ${missing}`,
    { hint: `Install ${nodePackage} again. ${BUNDLED}`, details },
  )
}

/** Where to look, best first. */
function candidates(url: string | undefined, nodePackage: string): readonly string[] {
  const named = process.env[VARIABLE]
  if (named) return [resolve(named)]
  if (url?.startsWith('file:') !== true) {
    throw new TerrariumError('CONFIGURATION', `a bundle of ${nodePackage} does not know where its Python files are`, {
      hint: BUNDLED,
      details: { package: nodePackage },
    })
  }
  const packageFolder = dirname(dirname(fileURLToPath(url)))
  return [join(packageFolder, 'python'), join(packageFolder, '..', '..', 'python', 'src')]
}

/** The Python package itself, or the first file that it lacks. Packing writes the list; a checkout has none. */
function missingFrom(pythonPackage: string): string | undefined {
  if (complete.has(pythonPackage)) return undefined
  if (!existsSync(join(pythonPackage, '__init__.py'))) return pythonPackage
  const list = join(pythonPackage, 'files.json')
  if (existsSync(list)) {
    const files = (JSON.parse(readFileSync(list, 'utf8')) as string[]).map((file) => join(pythonPackage, file))
    const missing = files.find((file) => !existsSync(file))
    if (missing !== undefined) return missing
  }
  complete.add(pythonPackage)
  return undefined
}

const BUNDLED =
  'Where a bundler is in use, have it leave the packages of Terrarium in node_modules (esbuild: --external:@terrarium/*; ' +
  "Next: serverExternalPackages: ['@terrarium/pool'], and for output: 'standalone' also outputFileTracingIncludes: " +
  "{ '/**': ['node_modules/@terrarium/*/python/**'] }), or set " +
  `${VARIABLE} to a folder with copies of what the folders python of @terrarium/process and @terrarium/worker hold.`

/** The folder with the Python package `terrarium_shepherd`: shepherd, arming and sweep. Errors: CONFIGURATION. */
export function shepherdFiles(): string {
  return pythonFiles(import.meta.url, '@terrarium/process', 'terrarium_shepherd')
}
