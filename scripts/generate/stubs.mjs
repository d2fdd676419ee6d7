// The stubs of proto/: TypeScript by buf, Python by protoc in an environment of its own.
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { mustRun } from '../setup/command.mjs'
import { SetUpError } from '../setup/failure.mjs'
import { pythonIn, root, setupFolder, venvs } from '../setup/paths.mjs'
import { setUp } from '../setup/set-up.mjs'

const TYPESCRIPT = 'packages/worker/src/generated'
const PYTHON = 'python/src'

/**
 * Generates the stubs of proto/ in a scratch folder, and compares or replaces the committed ones.
 *
 * @param {{ check: boolean }} options check: compare with the committed stubs instead of replacing them
 * @returns {Promise<number>} exit code
 */
export async function generate({ check }) {
  const scratch = mkdtempSync(join(setupFolder, 'stubs-'))
  try {
    await generateTypeScript(scratch)
    const python = await generatePython(scratch).catch((error) => {
      if (!check || !(error instanceof SetUpError)) throw error
      process.stdout.write(`The Python stubs are not checked: ${error.message}\n`)
      return false
    })
    const stale = [...differences(scratch, TYPESCRIPT), ...(python ? differences(scratch, PYTHON, /_pb2\.pyi?$/) : [])]
    if (check) {
      for (const file of stale) process.stdout.write(`${file} is not what proto/ generates. Run: npm run generate\n`)
      return stale.length === 0 ? 0 : 1
    }
    rmSync(join(root, TYPESCRIPT), { recursive: true, force: true })
    for (const folder of [TYPESCRIPT, PYTHON]) cpSync(join(scratch, folder), join(root, folder), { recursive: true })
    process.stdout.write(
      stale.length === 0 ? 'The stubs were up to date.\n' : stale.map((file) => `Wrote ${file}\n`).join(''),
    )
    return 0
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

/** buf writes to the paths of buf.gen.yaml, which are relative to proto/, below the scratch folder. */
async function generateTypeScript(scratch) {
  const buf = join(root, 'node_modules', '.bin', 'buf')
  await mustRun(buf, ['generate', '-o', join(scratch, 'proto')], { cwd: join(root, 'proto') })
}

async function generatePython(scratch) {
  await setUp({ need: 'protoc' })
  const out = join(scratch, PYTHON)
  mkdirSync(out, { recursive: true })
  const sources = filesIn(join(root, 'proto')).filter((file) => file.endsWith('.proto'))
  const args = ['-I', '-m', 'grpc_tools.protoc', '-Iproto', `--python_out=${out}`, `--pyi_out=${out}`]
  await mustRun(pythonIn(venvs.protoc), [...args, ...sources.map((file) => join('proto', file))])
  return true
}

/** The files, relative to the root, that are missing, changed or left over in the checkout. */
function differences(scratch, folder, pattern = /./) {
  const files = new Set(
    [...filesIn(join(scratch, folder)), ...filesIn(join(root, folder))].filter((file) => pattern.test(file)),
  )
  const content = (path) => (existsSync(path) ? readFileSync(path, 'utf8') : undefined)
  return [...files]
    .filter((file) => content(join(scratch, folder, file)) !== content(join(root, folder, file)))
    .map((file) => join(folder, file))
}

const filesIn = (folder) =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => relative(folder, join(entry.parentPath ?? entry.path, entry.name)))
    : []
