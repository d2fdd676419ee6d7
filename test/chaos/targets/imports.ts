import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Subject } from '../subject.ts'
import type { Target } from '../target.ts'
import { within } from '../../support/waiting.ts'
import { killAll, strangers } from '../world.ts'

/** So long it is watched, in ms. */
const WATCHED = 4_000
/**
 * By then backoff has let through so many starts, at the most: at 0, 0.1 to 0.2, 0.3 to 0.6 s and so on, and the third
 * parks it.
 */
const MOST_STARTS = 5

const MISSING = 'import nosuch_module\n'
const TOOL = 'from terrarium import tool\n@tool\ndef t(): return 1\n'

interface Case {
  readonly module?: string
  /** Files beside it. */
  readonly files?: Readonly<Record<string, string>>
  /** What stands in for the interpreter; `PYTHON` is the real one. */
  readonly shim?: string
  /** A configuration error, found out at the first look; otherwise it is tried again, in good time. */
  readonly isConfiguration: boolean
}

/** Programs that do not come up. Twelve of them end with status 0 (marked), which says nothing. */
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
  '0: a task that nobody awaits': {
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
  '0: nobody behind the pipeline': { module: MISSING, shim: 'PYTHON "$@" | true', isConfiguration: true },
}

const NAMES = Object.keys(CASES)

/** Workers that cannot come up, in all the ways that are known, twelve of which end with status 0. */
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

/** An interpreter that says it is the real one, and starts it by a detour. */
function shimOf(folder: string, detour: string, python: string): string {
  const path = join(folder, 'python')
  const answer = `*sys.executable*) echo '${path}'; echo 3.11.0;;`
  const script = `#!/bin/sh\ncase "$*" in ${answer} *_boot.py*) ${detour.replaceAll('PYTHON', `'${python}'`)};; *) exec '${python}' "$@";; esac\n`
  writeFileSync(path, script)
  chmodSync(path, 0o755)
  return path
}
