import { execFile } from 'node:child_process'
import { parseArgs, promisify } from 'node:util'
import { createPool } from '@terrarium/pool'
import { openRuntime } from '@terrarium/process'
import { isTerrariumError, TerrariumError } from '@terrarium/supervisor'
import { resolveInterpreter } from '@terrarium/worker'
import { pino } from 'pino'
import { table } from '../terminal/table.ts'

/** What a worker imports besides the standard library: module, distribution. */
const MODULES = [
  ['grpc', 'grpcio'],
  ['google.protobuf', 'protobuf'],
  ['msgpack', 'msgpack'],
] as const

const PROBE = `
import importlib, importlib.metadata, json, sys
found = {}
for module, distribution in json.loads(sys.argv[1]):
    try:
        importlib.import_module(module)
        try:
            version = importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            version = "present"
        found[module] = {"version": version}
    except Exception as error:
        found[module] = {"problem": f"{type(error).__name__}: {error}"}
print("\\n" + json.dumps(found))
`

interface Found {
  readonly version?: string
  readonly problem?: string
}

export async function doctor(argv: readonly string[], signal: AbortSignal): Promise<number> {
  const { values } = parseArgs({ args: [...argv], options: { python: { type: 'string' } } })
  const interpreter = await resolveInterpreter(values.python)
  show('interpreter', `${interpreter.path} (Python ${interpreter.version}, ${CHOSEN[interpreter.source]})`)
  const missing: string[] = []
  const modules = await probeModules(interpreter.path)
  for (const [module, distribution] of MODULES) {
    const { version, problem } = modules[module] ?? { problem: 'not probed' }
    show(module, version ?? problem ?? '')
    if (version === undefined) missing.push(distribution)
  }
  await showRuntime(interpreter.path)
  if (missing.length > 0) {
    throw new TerrariumError('CONFIGURATION', `${interpreter.path} cannot import ${missing.join(', ')}`, {
      hint: `${quoted(interpreter.path)} -m pip install ${missing.join(' ')}`,
    })
  }
  show('trial worker', await tryWorker(interpreter.path, signal))
  return 0
}

const CHOSEN = {
  python: 'as --python says',
  TERRARIUM_PYTHON: 'as TERRARIUM_PYTHON says',
  VIRTUAL_ENV: 'of the active virtual environment',
  CONDA_PREFIX: 'of the active conda environment',
  './.venv': 'of ./.venv',
  python3: 'the first python3 on the PATH',
} as const

/** As a shell takes it. */
const quoted = (path: string): string => (/^[\w./+-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`)

function show(name: string, what: string): void {
  process.stdout.write(table([[name.padEnd(16), what]]))
}

async function probeModules(python: string): Promise<Readonly<Record<string, Found | undefined>>> {
  const { stdout } = await promisify(execFile)(python, ['-c', PROBE, JSON.stringify(MODULES)])
  return JSON.parse(stdout.slice(stdout.trimEnd().lastIndexOf('\n') + 1)) as Record<string, Found>
}

/** Opens a run as any pool does, which proves that the state directory can be used. */
async function showRuntime(python: string): Promise<void> {
  const runtime = await openRuntime({ python })
  try {
    show('state', `${runtime.stateDir} (installation ${runtime.installation})`)
    const { level, missing } = await runtime.containment()
    show('containment', `${level}: ${CONTAINMENT[level]}`)
    for (const [better, why] of Object.entries(missing)) show('', `not ${better}: ${why}`)
  } finally {
    await runtime.close()
  }
}

const CONTAINMENT = {
  pidns: 'the kernel ends all processes of a run with the first of their namespace',
  cgroup: 'the kernel ends all processes of a run together, when told to',
  shepherd: 'one process ends all others of a run, unless it is killed together with the host',
} as const

async function tryWorker(python: string, signal: AbortSignal): Promise<string> {
  const begun = performance.now()
  const pool = createPool({
    name: 'doctor',
    tools: new URL('../../python/doctor.py', import.meta.url),
    python,
    logger: pino({ level: 'silent' }),
  })
  signal.addEventListener('abort', () => void pool.stop(), { once: true })
  try {
    await pool.start()
    await pool.call('ping', {}, { timeout: 10_000 })
    return `ready and answering after ${Math.round(performance.now() - begun)} ms`
  } catch (error) {
    if (isTerrariumError(error)) show('trial worker', 'cannot start')
    throw error
  } finally {
    await pool.stop()
  }
}
