// Where things are in a checkout.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The checkout. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** Where set-up keeps its lock, its stamps, its own pnpm and the virtual environments that only tests need. */
export const setupFolder = join(root, '.setup')

export const requirementsFolder = join(root, 'scripts', 'requirements')

/** The interpreter of a virtual environment. */
export const pythonIn = (venv) => join(venv, 'bin', 'python')

export const venvs = {
  newest: join(root, '.venv'),
  oldest: join(setupFolder, 'venv-oldest'),
  protoc: join(setupFolder, 'venv-protoc'),
}

export const tscCommand = join(root, 'node_modules', 'typescript7', 'bin', 'tsc')

export const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'))

/** The workspace's folders relative to the root: packages/*, examples/* and test, where they have a package.json. */
export function workspaceFolders() {
  const inside = (folder) =>
    existsSync(join(root, folder)) ? readdirSync(join(root, folder)).map((name) => `${folder}/${name}`) : []
  return [...inside('packages'), ...inside('examples'), 'test'].filter((folder) =>
    existsSync(join(root, folder, 'package.json')),
  )
}
