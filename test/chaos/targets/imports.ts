// The target `imports`: workers that cannot start.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Subject } from '../subject.ts'
import type { Target } from '../target.ts'
import { within } from '../../support/waiting.ts'
import { killAll, strangers } from '../world.ts'

/** How long a pool is watched, in ms. */
const WATCHED = 4_000
/**
 * The most starts that backoff allows in that time: at 0, 0.1 to 0.2, 0.3 to 0.6 s and so on. The third failure parks
 * the worker.
 */
const MOST_STARTS = 5

const MISSING = 'import nosuch_module\n'
const TOOL = 'from terrarium import tool\n@tool\ndef t(): return 1\n'

interface Case {
  readonly module?: string
  /** Files beside the module. */
  readonly files?: Readonly<Record<string, string>>
  /** A script used as the interpreter; `PYTHON` stands for the real interpreter. */
  readonly shim?: string
  /** Whether it is a configuration error, found at the first start. Otherwise it is started again after a backoff. */
  readonly isConfiguration: boolean
}

/** Programs that do not become ready. Twelve of them exit with status 0; their names begin with `0:`. */
const CASES: Readonly<Record<string, Case>> = {
  'a missing module': { module: MISSING, isConfiguration: true },
  'a module that is missing two imports deep': {
    module: `import helper\n${TOOL}`,
    files: { 'helper.py': MISSING },
    isConfiguration: true,
  },
  'a broken shared library': {
    module: 'import broken\n',
    files: { 'broken.so': 'no library' },
    isConfiguration: true,
  },
  'a syntax error': { module: 'def broken(:\n', isConfiguration: true },
  'a missing file': { isConfiguration: true },
  'an exception': { module: '1 / 0\n', isConfiguration: false },
  '0: setsid before the interpreter': { module: MISSING, shim: 'exec setsid PYTHON "$@"', isConfiguration: false },
  '0: a pipeline': { module: MISSING, shim: 'PYTHON "$@" | cat', isConfiguration: true },
  '0: the background': { module: MISSING, shim: 'PYTHON "$@" & wait', isConfiguration: true },
  '0: another command behind it': { module: MISSING, shim: 'PYTHON "$@"; echo', isConfiguration: true },
  '0: a handler of SIGTERM': {
    module: 'import os, signal, sys\nsignal.signal(15, lambda *_: sys.exit(0))\nos.kill(os.getpid(), 15)\n',
    isConfiguration: false,
  },
  '0: the end of standard input': { module: 'import sys\nsys.stdin.read()\nsys.exit(0)\n', isConfiguration: false },
  '0: a swallowed import error': {
    module: 'try:\n    import nosuch_module\nexcept ImportError:\n    raise SystemExit\n',
    isConfiguration: false,
  },
  '0: a thread': {
    module: `import sys, threading\nthread = threading.Thread(target=lambda: __import__('nosuch_module'))\nthread.start()\nthread.join()\nsys.exit(0)\n`,
    isConfiguration: false,
  },
  '0: a task that is not awaited': {
    module: `import asyncio, sys\nasync def fail():\n    import nosuch_module\nasync def main():\n    task = asyncio.create_task(fail())\n    await asyncio.sleep(0.01)\nasyncio.run(main())\nsys.exit(0)\n`,
    isConfiguration: false,
  },
  '0: a child of multiprocessing': {
    module: `import multiprocessing, sys\ndef fail():\n    import nosuch_module\nchild = multiprocessing.get_context('fork').Process(target=fail)\nchild.start()\nchild.join()\nsys.exit(0)\n`,
    isConfiguration: false,
  },
  '0: an exit handler': {
    module: `import atexit, os\natexit.register(os._exit, 0)\n${MISSING}`,
    isConfiguration: true,
  },
  '0: a pipeline without a reader': { module: MISSING, shim: 'PYTHON "$@" | true', isConfiguration: true },
}

const NAMES = Object.keys(CASES)

/** Workers that cannot become ready, in all known ways; twelve of them exit with status 0. */
export const imports: Target = {
  name: 'imports',
  promise: 'a configuration error costs exactly one spawn, any other failure no more than backoff lets through',
  rounds: NAMES.length,
  byLevel: true,
  async run(context) {
    await context.play(async (number) => {
      const name = NAMES[number % NAMES.length] ?? ''
      const { module, files = {}, shim, isConfiguration } = CASES[name] ?? { isConfiguration: true }
      const folder = context.folder()
      const stateDir = join(folder, 'state')
      mkdirSync(stateDir)
      const path = join(folder, 'tools.py')
      if (module !== undefined) writeFileSync(path, module)
      for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text)
      const interpreter = shim === undefined ? context.python : shimOf(folder, shim, context.python)
      const host = new Subject(
        'import-host.js',
        [stateDir, interpreter, path, String(WATCHED)],
        context.level,
        context.folder(),
      )
      try {
        const { code, message, starts, wasReady, processesLeft } = await host.hear('outcome')
        await host.exited
        const what = `${name}: ${String(code)} after ${String(starts)} starts: ${String(message)}`
        if (wasReady === true || code === 'STARTED') throw new Error(`${what}: it was ready`)
        if (isConfiguration && (code !== 'CONFIGURATION' || starts !== 1)) throw new Error(what)
        if (!isConfiguration && (Number(starts) > MOST_STARTS || Number(starts) < 1))
          throw new Error(`${what}: a storm`)
        if (processesLeft !== 0) throw new Error(`${what}: ${String(processesLeft)} processes are left`)
        await within(2_000, () => strangers(new Set()).length === 0)
        context.count(number, { orphans: strangers(new Set()).length }, name)
      } finally {
        if (!host.isOver) killAll([host.pid])
      }
    })
  },
}

/** Writes an interpreter that claims to be the real interpreter, and starts it by a detour. */
function shimOf(folder: string, detour: string, python: string): string {
  const path = join(folder, 'python')
  const answer = `*sys.executable*) echo '${path}'; echo 3.11.0;;`
  const script = `#!/bin/sh\ncase "$*" in ${answer} *_boot.py*) ${detour.replaceAll('PYTHON', `'${python}'`)};; *) exec '${python}' "$@";; esac\n`
  writeFileSync(path, script)
  chmodSync(path, 0o755)
  return path
}
