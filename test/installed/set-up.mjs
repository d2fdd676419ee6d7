// What the tests of the installed packages need: the packed packages, installed in a project and in a virtual
// environment.
import { execFile, execFileSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** The folder with everything of this test run. */
export const VARIABLE = 'TERRARIUM_INSTALLED'

/** Names of Node's own npm packages: one for each supported line, and the newest. */
const NODES = { node20: '20', node22: '22', node24: '24', newest: 'latest' }

/**
 * Packs the packages once, and installs them as a user would: into an empty folder with an unusual name, which every user id can read.
 */
export default async function setUp() {
  const umask = process.umask(0o022)
  const folder = mkdtempSync(join(tmpdir(), 'terrarium installed dürr '))
  chmodSync(folder, 0o755)
  process.env[VARIABLE] = folder
  try {
    await install(folder)
  } catch (error) {
    rmSync(folder, { recursive: true, force: true })
    throw error
  } finally {
    process.umask(umask)
  }
}

async function install(folder) {
  const tarballs = join(folder, 'packages')
  const project = join(folder, 'project')
  await must('npm', ['run', '--silent', 'pack', '--', tarballs], ROOT)
  const packed = (ending) =>
    readdirSync(tarballs)
      .filter((name) => name.endsWith(ending))
      .map((name) => join(tarballs, name))

  mkdirSync(project)
  writeFileSync(join(project, 'package.json'), '{ "private": true }')
  await must('npm', ['install', '--no-audit', '--no-fund', ...packed('.tgz')], project)

  // Without pip, which Debian keeps in a package of its own. The constraints give the versions that all tests run on.
  const { python, pip } = pythons()
  await must(python, ['-m', 'venv', '--without-pip', '.venv'], project)
  const constraints = join(ROOT, 'scripts', 'requirements', 'run.in')
  const intoVenv = [
    '-m',
    'pip',
    '--python',
    join(project, '.venv', 'bin', 'python'),
    'install',
    '--constraint',
    constraints,
  ]
  await must(pip, [...intoVenv, ...packed('.whl'), 'pytest', 'mypy'], project)

  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')
  const blocks = (language) =>
    [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'gm'))].map(([, body]) => body)
  const [first, second] = blocks('js')
  writeFileSync(join(project, 'main.mjs'), first)
  writeFileSync(join(project, 'events.mjs'), second)
  writeFileSync(join(project, 'tools.py'), blocks('python')[0])

  cpSync(join(import.meta.dirname, 'programs'), project, { recursive: true })

  const nodes = join(folder, 'nodes')
  mkdirSync(nodes)
  writeFileSync(join(nodes, 'package.json'), '{ "private": true }')
  const name = `node-${process.platform}-${process.arch}`
  const wanted = Object.entries(NODES).map(([alias, version]) => `${alias}@npm:${name}@${version}`)
  await must('npm', ['install', '--no-audit', '--no-fund', ...wanted], nodes)
}

/** The interpreter for the environment, which another user id must be able to run, and the interpreter that has pip. */
function pythons() {
  const pip = process.env.TERRARIUM_PYTHON || join(ROOT, '.venv', 'bin', 'python')
  const question = 'import sys; sys.exit(sys.version_info < (3, 10))'
  for (const python of ['/usr/bin/python3', '/usr/local/bin/python3']) {
    try {
      execFileSync(python, ['-c', question], { stdio: 'ignore' })
      return { python, pip }
    } catch {
      // missing, or too old
    }
  }
  return { python: pip, pip }
}

async function must(command, args, cwd) {
  const env = { ...process.env, PYTHONPATH: undefined }
  delete env.NODE_OPTIONS // set by the tests themselves
  try {
    await promisify(execFile)(command, args, { cwd, env, maxBuffer: 2 ** 26 })
  } catch (error) {
    throw new Error(`${command} ${args.join(' ')} failed:\n${error.stdout}${error.stderr}`, { cause: error })
  }
}
