// The steps of a set-up that need Node only: pnpm, the locked dependencies, and the build.
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { SetUpError, diagnose, failureOf } from './failure.mjs'
import { runCommand } from './command.mjs'
import { readJson, root, setupFolder, tscCommand, workspaceFolders } from './paths.mjs'
import { contentOf, hashOf } from './stamp.mjs'

const PNPM = 'pnpm@12.21.0'
const pnpmFolder = join(setupFolder, 'pnpm')

/** The pnpm that set-up brings; run it with Node. */
export const pnpmScript = join(pnpmFolder, 'node_modules', 'pnpm', 'bin', 'pnpm.mjs')

/** The pinned pnpm, from the registry npm is set to, into the checkout. */
export const pnpm = {
  name: 'pnpm',
  title: `Fetching ${PNPM}`,
  key: () => hashOf([PNPM, process.platform, process.arch]),
  isThere: () => existsSync(pnpmScript),
  async run(step) {
    rmSync(pnpmFolder, { recursive: true, force: true })
    const args = [
      'install',
      '--prefix',
      pnpmFolder,
      '--no-save',
      '--no-package-lock',
      '--no-audit',
      '--no-fund',
      '--ignore-scripts',
    ]
    const patience = ['--fetch-retries=2', '--fetch-retry-mintimeout=1000', '--fetch-retry-maxtimeout=5000']
    const npm = await runCommand('npm', [...args, ...patience, '--loglevel=error', PNPM], {
      onLine: step.detail,
    }).catch((error) => {
      if (error.code === 'ENOENT')
        throw new SetUpError('npm is not on PATH. It comes with Node.js; install it, and run the same command again.')
      throw error
    })
    if (npm.code !== 0) throw failureOf(`npm install ${PNPM}`, npm, { registry: 'npm' })
  },
}

/** What pnpm-lock.yaml says, into node_modules. */
export const dependencies = {
  name: 'dependencies',
  title: 'Installing the locked dependencies',
  key: () =>
    hashOf([
      process.platform,
      process.arch,
      PNPM,
      ...['pnpm-lock.yaml', 'pnpm-workspace.yaml', 'package.json'].map((file) => contentOf(join(root, file))),
      ...workspaceFolders().flatMap((folder) => [folder, contentOf(join(root, folder, 'package.json'))]),
    ]),
  isThere: () => existsSync(join(root, 'node_modules', '.modules.yaml')) && existsSync(tscCommand),
  async run(step) {
    const args = ['install', '--frozen-lockfile', '--prod=false']
    const env = {
      CI: 'true', // never ask before node_modules of another pnpm is replaced
      // Its own minute between tries looks like a hang.
      pnpm_config_fetch_retries: '2',
      pnpm_config_fetch_retry_factor: '2',
      pnpm_config_fetch_retry_mintimeout: '500',
      pnpm_config_network_concurrency: '48',
    }
    const install = await runCommand(process.execPath, [pnpmScript, ...args], { onLine: step.detail, env })
    if (install.code !== 0) throw failureOf('pnpm install', install, { registry: 'npm' })
  },
}

/** Every TypeScript project that the root's tsconfig.json refers to, into its dist folder. */
export const build = {
  name: 'build',
  title: 'Building',
  key: () =>
    hashOf(
      [...projects().flatMap(sourcesOf), ...configurations()].map((path) => {
        const { size, mtimeMs } = statSync(path)
        return `${relative(root, path)} ${size} ${mtimeMs}`
      }),
    ),
  isThere: () => projects().every((project) => missingOutputs(project).length === 0),
  async run() {
    // tsc trusts its build information and does not look whether the outputs are still there.
    for (const project of projects().filter((candidate) => missingOutputs(candidate).length > 0)) {
      rmSync(join(project, 'dist', '.tsbuildinfo'), { force: true })
    }
    const tsc = await runCommand(process.execPath, [tscCommand, '-b'])
    if (tsc.code !== 0) {
      const known = diagnose(tsc.output)
      throw new SetUpError(known ?? `${tsc.output.trim()}\nThe TypeScript sources do not build: see the errors above.`)
    }
  },
}

const projects = () => readJson(join(root, 'tsconfig.json')).references.map(({ path }) => join(root, path))

const configurations = () => [
  join(root, 'tsconfig.base.json'),
  join(root, 'tsconfig.json'),
  ...projects().map((project) => join(project, 'tsconfig.json')),
]

/**
 * The .ts files that the project's tsconfig includes: its `include` names files, or folders, perhaps with a pattern
 * after them.
 */
function sourcesOf(project) {
  const { include } = readJson(join(project, 'tsconfig.json'))
  const walk = (folder) =>
    readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) return ['dist', 'node_modules'].includes(entry.name) ? [] : walk(path)
      return entry.name.endsWith('.ts') ? [path] : []
    })
  return include
    .map((pattern) => join(project, pattern.replace(/\/?\*.*$/, '')))
    .filter(existsSync)
    .flatMap((path) => (statSync(path).isDirectory() ? walk(path) : [path]))
}

function missingOutputs(project) {
  const { compilerOptions } = readJson(join(project, 'tsconfig.json'))
  const rootDir = join(project, compilerOptions.rootDir)
  return sourcesOf(project)
    .filter((source) => !/\.(d|test)\.ts$/.test(source))
    .map((source) => join(project, 'dist', relative(rootDir, source)).replace(/\.ts$/, '.js'))
    .filter((output) => !existsSync(output))
}
