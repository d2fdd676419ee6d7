// Where things are in a checkout.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The checkout. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** Where set-up keeps its lock, its stamps, its own pnpm and the virtual environments that only tests need. */
export const setupFolder = join(root, '.setup')

/** The interpreter of a virtual environment. */
export const pythonIn = (venv) => join(venv, 'bin', 'python')

export const venvs = {
  newest: join(root, '.venv'),
  oldest: join(setupFolder, 'venv-oldest'),
  protoc: join(setupFolder, 'venv-protoc'),
  learning: join(setupFolder, 'venv-learning'),
}

/** A command of a package in node_modules. */
export const bin = (name) => join(root, 'node_modules', '.bin', name)
export const tscCommand = join(root, 'node_modules', 'typescript7', 'bin', 'tsc')
/** The pnpm that set-up brings; run it with Node. */
export const pnpmScript = join(setupFolder, 'pnpm', 'node_modules', 'pnpm', 'bin', 'pnpm.mjs')

export const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'))

/** The content of a file, or '' when it does not exist. */
export const contentOf = (path) => (existsSync(path) ? readFileSync(path, 'utf8') : '')

/** The workspace's folders relative to the root: packages/*, examples/* and test, where they have a package.json. */
export function workspaceFolders() {
  const inside = (folder) =>
    existsSync(join(root, folder)) ? readdirSync(join(root, folder)).map((name) => `${folder}/${name}`) : []
  return [...inside('packages'), ...inside('examples'), 'test'].filter((folder) =>
    existsSync(join(root, folder, 'package.json')),
  )
}

/** The files in a folder and in its folders, relative to it, in order; none where there is no such folder. */
export function filesIn(folder) {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath ?? entry.path, entry.name)))
    .sort()
}
