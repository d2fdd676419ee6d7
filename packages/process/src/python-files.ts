import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { TerrariumError } from '@terrarium/supervisor'

/**
 * The folder that holds a Python package which comes with a Node package: `python/` of the installed package, or the sources in
 * a checkout of Terrarium. `url`: `import.meta.url` of a module that lies directly in the Node package's `src` or `dist`.
 * Throws CONFIGURATION where it is in neither place.
 */
export function pythonFiles(url: string, nodePackage: string, pythonPackage: string): string {
  const packageFolder = dirname(dirname(fileURLToPath(url)))
  const installed = join(packageFolder, 'python')
  const checkout = join(packageFolder, '..', '..', 'python', 'src')
  const found = [installed, checkout].find((folder) => existsSync(join(folder, pythonPackage, '__init__.py')))
  if (found !== undefined) return found
  const missing = join(installed, pythonPackage)
  throw new TerrariumError(
    'CONFIGURATION',
    `this installation of ${nodePackage} is incomplete: there is no Python package ${missing}`,
    {
      hint: `Install ${nodePackage} again; with a bundler, leave ${nodePackage} external.`,
      details: { package: nodePackage, missing },
    },
  )
}

/** The folder with the Python package `terrarium_shepherd`: shepherd, arming and sweep. Errors: CONFIGURATION. */
export function shepherdFiles(): string {
  return pythonFiles(import.meta.url, '@terrarium/process', 'terrarium_shepherd')
}
