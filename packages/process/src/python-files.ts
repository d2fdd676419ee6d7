import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { TerrariumError } from '@terrarium/supervisor'

/** Names the folder with Terrarium's Python packages, for a program that is bundled into a file and has none beside it. */
const VARIABLE = 'TERRARIUM_PYTHON_FILES'

/**
 * The folder that holds a Python package which comes with a Node package: TERRARIUM_PYTHON_FILES, or `python/` of the installed
 * package, or the sources in a checkout of Terrarium. `url`: `import.meta.url` of a module that lies directly in the Node package's
 * `src` or `dist`; bundlers may leave it undefined. Throws CONFIGURATION where the Python package is in none of these places.
 */
export function pythonFiles(url: string | undefined, nodePackage: string, pythonPackage: string): string {
  const named = process.env[VARIABLE]
  if (named) {
    const folder = resolve(named)
    if (holds(folder, pythonPackage)) return folder
    throw new TerrariumError('CONFIGURATION', `there is no Python package ${pythonPackage} in ${folder}`, {
      hint:
        `${VARIABLE} names that folder. Copy what the folders python of @terrarium/process and @terrarium/worker hold into it, ` +
        'or unset the variable where these packages are installed.',
      details: { package: nodePackage, missing: join(folder, pythonPackage) },
    })
  }
  if (url?.startsWith('file:') !== true) {
    throw new TerrariumError('CONFIGURATION', `a bundle of ${nodePackage} does not know where its Python files are`, {
      hint: BUNDLED,
      details: { package: nodePackage },
    })
  }
  const packageFolder = dirname(dirname(fileURLToPath(url)))
  const installed = join(packageFolder, 'python')
  const checkout = join(packageFolder, '..', '..', 'python', 'src')
  const found = [installed, checkout].find((folder) => holds(folder, pythonPackage))
  if (found !== undefined) return found
  const missing = join(installed, pythonPackage)
  throw new TerrariumError(
    'CONFIGURATION',
    `this installation of ${nodePackage} is incomplete: there is no Python package ${missing}`,
    { hint: `Install ${nodePackage} again. ${BUNDLED}`, details: { package: nodePackage, missing } },
  )
}

const BUNDLED =
  'Where a bundler is in use, have it leave the packages of Terrarium external (Next: serverExternalPackages: ' +
  `['@terrarium/pool'] in next.config; esbuild: --external:@terrarium/*), or set ${VARIABLE} to a folder with copies of what the ` +
  'folders python of @terrarium/process and @terrarium/worker hold.'

const holds = (folder: string, pythonPackage: string): boolean => existsSync(join(folder, pythonPackage, '__init__.py'))

/** The folder with the Python package `terrarium_shepherd`: shepherd, arming and sweep. Errors: CONFIGURATION. */
export function shepherdFiles(): string {
  return pythonFiles(import.meta.url, '@terrarium/process', 'terrarium_shepherd')
}
