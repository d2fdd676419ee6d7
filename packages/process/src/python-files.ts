// Finds the Python packages that come with Terrarium's Node packages: in an installed package, in a checkout, or in a
// folder that the user names because a bundler has moved everything else.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { TerrariumError } from '@terrarium/supervisor/base'

/** The environment variable that names the folder with Terrarium's Python packages, for bundled programs. */
const VARIABLE = 'TERRARIUM_PYTHON_FILES'

/** Folders of Python packages in which no file is missing. */
const complete = new Set<string>()

/**
 * The folder that holds a Python package of a Node package: TERRARIUM_PYTHON_FILES, or `python/` of the installed
 * package, or the sources in a checkout of Terrarium. `url`: `import.meta.url` of a module directly in the Node
 * package's `src` or `dist`; bundlers may leave it undefined. Errors: CONFIGURATION when the Python package is in none
 * of these places, or a file of it is missing.
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
      hint: `Copy the content of the folder python of ${nodePackage} to ${first}, which ${VARIABLE} names, or unset ${VARIABLE}.`,
      details,
    })
  }
  throw new TerrariumError(
    'CONFIGURATION',
    `this installation of ${nodePackage} is incomplete: there is no ${missing}`,
    { hint: `Install ${nodePackage} again. ${BUNDLED}`, details },
  )
}

/** The folders to look in, best first. */
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

/**
 * The path that is missing: the Python package, or the first missing file of it; undefined when it is complete. The
 * list `files.json` is written when the Node package is packed; a checkout has none.
 */
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
  'With a bundler, let it leave the packages of Terrarium in node_modules (esbuild: --external:@terrarium/*; ' +
  "Next: serverExternalPackages: ['@terrarium/pool'], and for output: 'standalone' also outputFileTracingIncludes: " +
  "{ '/**': ['node_modules/@terrarium/*/python/**'] }), or set " +
  `${VARIABLE} to a folder with copies of what the folders python of @terrarium/process and @terrarium/worker hold.`

/**
 * The folder that holds the Python package `terrarium_shepherd`: shepherd, guards and sweep helper. Errors:
 * CONFIGURATION.
 */
export function shepherdFiles(): string {
  return pythonFiles(import.meta.url, '@terrarium/process', 'terrarium_shepherd')
}
