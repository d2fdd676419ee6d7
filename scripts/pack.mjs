// npm run pack: writes the packages of the workspace as they are published. What only a release needs is added to
// copies.
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { mustRun } from './setup/command.mjs'
import { filesIn, pnpmScript, pythonIn, readJson, root, setupFolder, venvs, workspaceFolders } from './setup/paths.mjs'
import { copyPythonPackage } from './setup/steps.mjs'

/** Which Python packages come with which Node package, in its folder `python`. Each comes with one only. */
const PYTHON = { process: ['terrarium_shepherd'], worker: ['terrarium'] }

const USAGE = `Usage: npm run pack [-- FOLDER]

Writes the npm packages and the Python package, as they are published, to FOLDER: a .tgz file for each and a .whl file.
Default: .setup/pack.
`

/**
 * Packs each package of the workspace as it is published: built, with its Python files and the licence. Packs the
 * Python package as a wheel.
 *
 * @param {readonly string[]} argv the folder for the tarballs and the wheel
 * @returns {Promise<number>} exit code
 */
export async function main(argv) {
  if (argv.includes('--help')) return void process.stdout.write(USAGE)
  if (argv.length > 1 || argv[0]?.startsWith('-')) {
    process.stderr.write(USAGE)
    return 2
  }
  const [folder = join(setupFolder, 'pack')] = argv
  const target = resolve(folder)
  mkdirSync(target, { recursive: true })
  for (const source of workspaceFolders().filter((each) => each.startsWith('packages/'))) {
    process.stdout.write(`${await pack(join(root, source), target)}\n`)
  }
  process.stdout.write(`${await packWheel(target)}\n`)
  return 0
}

/**
 * pnpm resolves the versions that only the workspace knows. The rest is added to a copy: Python files in the checkout's
 * own packages would be taken for those of an installation.
 *
 * @returns {Promise<string>} the path of the tarball
 */
async function pack(source, target) {
  const name = basename(source)
  return onStage(name, async (stage) => {
    await mustRun(process.execPath, [pnpmScript, 'pack', '--pack-destination', stage], { cwd: source })
    const [resolved] = readdirSync(stage)
    await mustRun('tar', ['-xzf', resolved], { cwd: stage })
    const packed = join(stage, 'package')
    const manifest = readJson(join(packed, 'package.json'))
    const python = PYTHON[name] ?? []
    for (const each of python) copyPython(each, join(packed, 'python', each))
    if (python.length > 0) manifest.files.push('python')
    writeFileSync(join(packed, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`)
    cpSync(join(root, 'LICENSE'), join(packed, 'LICENSE'))
    const packing = await mustRun('npm', ['pack', '--json', '--pack-destination', target, packed], { cwd: stage })
    return join(target, JSON.parse(packing)[0].filename)
  })
}

/** Adds the list of its files, by which `python-files.ts` of @terrarium/process knows an incomplete installation. */
function copyPython(name, folder) {
  const filter = (path) => !/(?:\.pyc|__pycache__)$/.test(path)
  cpSync(join(root, 'python', 'src', name), folder, { recursive: true, filter })
  const files = filesIn(folder).filter((path) => path.endsWith('.py'))
  writeFileSync(join(folder, 'files.json'), `${JSON.stringify(files, undefined, 2)}\n`)
}

/** @returns {Promise<string>} the path of the wheel */
async function packWheel(target) {
  return onStage('wheel', async (stage) => {
    const copy = join(stage, 'python')
    copyPythonPackage(copy)
    cpSync(join(root, 'LICENSE'), join(copy, 'LICENSE'))
    const args = ['-m', 'pip', 'wheel', '--no-deps', '--no-index', '--no-build-isolation', '--wheel-dir', stage, copy]
    await mustRun(pythonIn(venvs.newest), ['-I', ...args])
    const [wheel] = readdirSync(stage).filter((name) => name.endsWith('.whl'))
    cpSync(join(stage, wheel), join(target, wheel))
    return join(target, wheel)
  })
}

/** Runs the work with a folder of its own, which is removed afterwards: another run may pack at the same time. */
async function onStage(name, work) {
  mkdirSync(setupFolder, { recursive: true })
  const stage = mkdtempSync(join(setupFolder, `stage-${name}-`))
  try {
    return await work(stage)
  } finally {
    rmSync(stage, { recursive: true, force: true })
  }
}
