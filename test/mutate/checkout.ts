// A copy of the checkout in a temporary folder: sources are changed there, so the checkout stays as it is, whatever
// happens to this process.
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import type { Mutation, Tests } from './mutation.ts'

const COPIED = ['docs', 'examples', 'packages', 'proto', 'python', 'scripts', 'test']
/** What is installed or cached is not copied. Builds are: hosts that tests start run them, without the change. */
const LEFT_OUT = new Set(['node_modules', '__pycache__', '.pytest_cache', '.mypy_cache'])

/** A run of tests that takes longer has noticed something, in ms. */
const TIMEOUT = 180_000

export class Checkout {
  readonly folder = mkdtempSync(join(tmpdir(), 'terrarium-mutate-'))
  readonly #root: string
  readonly #python: string
  #running: ChildProcess | undefined
  #isRemoved = false

  constructor(root: string, python: string) {
    this.#root = root
    this.#python = python
    for (const name of COPIED) {
      cpSync(join(root, name), join(this.folder, name), {
        recursive: true,
        filter: (path) => !LEFT_OUT.has(basename(path)),
      })
    }
    for (const { name } of readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isFile())) {
      cpSync(join(root, name), join(this.folder, name))
    }
    const owners = ['', 'test', ...readdirSync(join(root, 'packages')).map((name) => join('packages', name))]
    for (const owner of owners) {
      const modules = join(root, owner, 'node_modules')
      if (existsSync(modules)) symlinkSync(modules, join(this.folder, owner, 'node_modules'))
    }
  }

  /** Returns the function that takes the change back. */
  plant({ file, find, replace }: Mutation): () => void {
    const path = join(this.folder, file)
    const source = readFileSync(path, 'utf8')
    const changed = source.replace(find, () => replace)
    writeFileSync(path, changed)
    return () => {
      writeFileSync(path, source)
    }
  }

  /** Whether the tests pass. Tests that do not end in time do not. */
  passes(tests: Tests): Promise<boolean> {
    const [command, args, cwd] =
      'pytest' in tests
        ? [this.#python, pytestArguments(tests), join(this.folder, 'python')]
        : [process.execPath, this.#jestArguments(tests), this.folder]
    const env = {
      ...process.env,
      NODE_OPTIONS: '--experimental-vm-modules --disable-warning=ExperimentalWarning',
      TERRARIUM_PYTHON: this.#python,
      TERRARIUM_PYTHON_OLDEST: undefined,
    }
    return new Promise((resolve, reject) => {
      const running = spawn(command, args, { cwd, env, stdio: 'ignore', timeout: TIMEOUT, killSignal: 'SIGKILL' })
      this.#running = running
      running.once('error', reject)
      running.once('exit', (code) => {
        this.#running = undefined
        if (!this.#isRemoved) resolve(code === 0)
      })
    })
  }

  #jestArguments({ project, path, name }: Extract<Tests, { readonly project: string }>): string[] {
    return [
      join(this.#root, 'node_modules', 'jest', 'bin', 'jest.js'),
      ...['--selectProjects', project, '--bail', '--forceExit', '--cacheDirectory', join(this.folder, '.jest')],
      ...(name === undefined ? [] : ['--testNamePattern', name]),
      ...['--runTestsByPath', path],
    ]
  }

  /** Kills the tests that run, which would write to the folder again, and removes the folder. They have no result. */
  async remove(): Promise<void> {
    this.#isRemoved = true
    const running = this.#running
    if (running?.kill('SIGKILL') === true) await once(running, 'exit')
    rmSync(this.folder, { recursive: true, force: true })
  }
}

function pytestArguments({ pytest, name }: Extract<Tests, { readonly pytest: string }>): string[] {
  const chosen = name === undefined ? [] : ['-k', name]
  return ['-m', 'pytest', '-q', '-x', '-p', 'no:cacheprovider', ...chosen, join('tests', pytest)]
}
