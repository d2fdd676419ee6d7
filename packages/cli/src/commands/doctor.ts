// `terrarium doctor`: checks what a pool needs (interpreter, Python modules, folders, containment), prints everything
// that is wrong, and calls a trial worker when nothing is.
import { execFile } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createPool } from '@terrarium/pool'
import { interpreterSources, openRuntime } from '@terrarium/process'
import { isTerrariumError, TerrariumError } from '@terrarium/supervisor/base'
import { DEFAULT_TRANSPORT, resolveInterpreter, workerFiles, type Interpreter, type Transport } from '@terrarium/worker'
import { pino } from 'pino'
import { exitCodeForFindings } from '../terminal/exit-codes.ts'
import { errorToJson, explain } from '../terminal/explain.ts'
import { withOwnHint } from '../terminal/hints.ts'
import { writeJson } from '../terminal/output.ts'
import { table } from '../terminal/table.ts'
import { UsageError } from '../terminal/usage-error.ts'

const pythonScript = (name: string): string => fileURLToPath(new URL(`../../python/${name}`, import.meta.url))

interface Module {
  readonly module: string
  readonly version?: string
  readonly problem?: string
}

/** What `requirements.py` prints. */
interface Requirements {
  readonly terrarium: string
  /** The modules that transport grpc needs. */
  readonly needed: readonly Module[]
  /** The package that makes values faster. */
  readonly msgpack: Module
  /** The command that installs the missing modules. */
  readonly command: string
  /** A sentence to read before the command; may be empty. */
  readonly note: string
}

export interface DoctorOptions {
  readonly json?: boolean
  readonly python?: string
  readonly transport?: string
}

/**
 * Runs `terrarium doctor`. `file`: tools that the trial worker is to import too. Resolves with 78 if anything of the
 * configuration is wrong, with 5 if anything else is.
 */
export async function doctor(file: string | undefined, options: DoctorOptions, signal: AbortSignal): Promise<number> {
  const { json = false, python, transport: given = DEFAULT_TRANSPORT } = options
  const transport = given as Transport
  if (!Object.hasOwn(TRANSPORTS, transport)) throw new UsageError('--transport must be socket or grpc.')
  const checks: { readonly name: string; readonly found: string }[] = []
  const show: Show = (name, found) => {
    checks.push({ name, found })
    if (!json) process.stdout.write(table([[name.padEnd(16), found]]))
  }
  const problems = (await examine(show, { python, transport, file }, signal)).map(withOwnHint)
  for (const problem of json ? [] : problems) process.stderr.write(`${explain(problem)}\n`)
  if (json) writeJson({ ok: problems.length === 0, checks, problems: problems.map(errorToJson) })
  return exitCodeForFindings(problems)
}

/** Takes a finding: of what, and what was found. */
type Show = (name: string, found: string) => void

interface Asked {
  readonly python: string | undefined
  readonly transport: Transport
  readonly file: string | undefined
}

async function examine(
  show: Show,
  { python, transport, file }: Asked,
  signal: AbortSignal,
): Promise<readonly TerrariumError[]> {
  let interpreter: Interpreter | undefined
  const problems = await problemOf(async () => {
    interpreter = await resolveInterpreter(python).catch((error: unknown) => {
      show('interpreter', 'cannot be used')
      showSources(show, python)
      throw error
    })
  })
  if (interpreter === undefined) return problems
  const { path, version, source } = interpreter
  show('interpreter', `${path} (Python ${version}, ${CHOSEN[source]})`)
  showSources(show, python, interpreter)
  problems.push(...(await problemOf(() => showRequirements(show, path, transport))))
  problems.push(...(await problemOf(() => showRuntime(show, path))))
  if (problems.length === 0) {
    problems.push(...(await problemOf(() => tryWorker(show, { python: path, transport, file }, signal))))
  }
  return problems
}

/** The error of a check, or none, so that the checks after it run all the same. */
async function problemOf(work: () => Promise<void>): Promise<TerrariumError[]> {
  try {
    await work()
    return []
  } catch (error) {
    if (isTerrariumError(error)) return [error]
    throw error
  }
}

const TRANSPORTS: Readonly<Record<Transport, string>> = {
  socket: 'which needs nothing but the interpreter',
  grpc: 'which needs grpc and google.protobuf',
}

const CHOSEN = {
  python: 'as --python says',
  TERRARIUM_PYTHON: 'as TERRARIUM_PYTHON says',
  VIRTUAL_ENV: 'of the active virtual environment',
  CONDA_PREFIX: 'of the active conda environment',
  './.venv': 'of ./.venv',
  python3: 'the first python3 on the PATH',
} as const

/** Prints the places where an interpreter is looked for, best first, and what would run. */
function showSources(show: Show, python: string | undefined, taken?: Interpreter): void {
  for (const { source, command } of interpreterSources(python)) {
    const name = (source === 'python' ? '--python' : source).padEnd(16)
    const path = command === undefined ? undefined : onPath(command)
    const what = command === undefined ? absence(source) : (path ?? `there is no ${command}`)
    show('', `${name}  ${what}${taken?.source === source ? ', taken' : ''}`)
  }
}

const absence = (source: string): string => (source === './.venv' ? 'there is none' : 'not given')

/** The path of a command's program; undefined when there is none. */
function onPath(command: string): string | undefined {
  const paths = command.includes('/')
    ? [command]
    : (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, command))
  return paths.find((path) => {
    try {
      accessSync(path, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

async function showRequirements(show: Show, python: string, transport: Transport): Promise<void> {
  const files = workerFiles()
  const { stdout } = await promisify(execFile)(python, [pythonScript('requirements.py'), files])
  const answer = stdout.slice(stdout.trimEnd().lastIndexOf('\n') + 1)
  const { terrarium, needed, msgpack, command, note } = JSON.parse(answer) as Requirements
  show('terrarium', `${terrarium}, in ${files}`)
  show('msgpack', msgpack.version ?? 'not used: values are written and read by Terrarium itself, which takes longer')
  show('transport', `${transport}, ${TRANSPORTS[transport]}`)
  if (transport === 'socket') return
  for (const { module, version, problem } of needed) show(module, version ?? problem ?? '')
  const missing = needed.filter(({ problem }) => problem !== undefined).map(({ module }) => module)
  if (missing.length === 0) return
  throw new TerrariumError('CONFIGURATION', `${python} cannot import ${missing.join(', ')}`, {
    hint: `${note === '' ? '' : `${note} `}Install what is missing: ${command}`,
  })
}

/** Opens a runtime as a pool does, which proves that the folders for state and sockets can be used. */
async function showRuntime(show: Show, python: string): Promise<void> {
  const runtime = await openRuntime({ python, logger: pino({ level: 'silent' }) })
  try {
    show('state', `${runtime.stateDir} (installation ${runtime.installation})`)
    show('sockets', `in ${dirname(runtime.directory)}`)
    const { level, missing } = await runtime.containment()
    show('containment', `${level}: ${CONTAINMENT[level]}`)
    for (const [better, why] of Object.entries(missing)) show('', `not ${better}: ${why}`)
  } finally {
    await runtime.close()
  }
}

const CONTAINMENT = {
  pidns: 'the kernel ends all processes of a run with the first of their namespace',
  cgroup: 'the kernel ends all processes of a run together, on request',
  shepherd: 'one process ends all others of a run, unless it is killed together with the host',
} as const

async function tryWorker(show: Show, { python, transport, file }: Asked, signal: AbortSignal): Promise<void> {
  const begun = performance.now()
  const pool = createPool({
    name: 'doctor',
    tools: [...(file === undefined ? [] : [file]), pythonScript('doctor.py')],
    ...(python === undefined ? {} : { python }),
    output: 'ignore',
    transport,
    logger: pino({ level: 'silent' }),
  })
  signal.addEventListener('abort', () => void pool.stop(), { once: true })
  try {
    await pool.start()
    await pool.call('ping', {}, { timeout: 10_000 })
    show('trial worker', `ready and answering after ${Math.round(performance.now() - begun)} ms`)
  } catch (error) {
    if (isTerrariumError(error)) show('trial worker', 'cannot start')
    throw error
  } finally {
    await pool.stop()
  }
}
