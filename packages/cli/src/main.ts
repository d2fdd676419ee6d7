// The entry of the `terrarium` command: its commands, their arguments and options, and what becomes of an error. Each
// command is loaded when it is run, so that a command that only looks is quick.
import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import type { CallOptions } from './commands/call.ts'
import type { DoctorOptions } from './commands/doctor.ts'
import type { EventsOptions } from './commands/events.ts'
import type { ListOptions } from './commands/list.ts'
import type { OpenOptions } from './commands/open.ts'
import type { PsOptions } from './commands/ps.ts'
import type { StatusOptions } from './commands/status.ts'
import type { TreeOptions } from './commands/tree.ts'
import { exitCodeFor } from './terminal/exit-codes.ts'
import { errorToJson, explain } from './terminal/explain.ts'
import { withOwnHint } from './terminal/hints.ts'
import { inOrder } from './terminal/in-order.ts'

const PYTHON = `PYTHON is an interpreter, or the folder of a virtual environment. Default: the first of TERRARIUM_PYTHON,
VIRTUAL_ENV, CONDA_PREFIX, ./.venv and python3.
`

/** Exit code and meaning. */
export const EXIT_CODES: readonly (readonly [code: string, meaning: string])[] = [
  ['0', 'done'],
  ['1', 'failed'],
  ['2', 'wrong usage'],
  ['3', 'not running'],
  ['4', 'not found'],
  ['5', 'degraded'],
  ['75', 'try again'],
  ['78', 'configuration'],
  ['124', 'deadline'],
  ['128 + N', 'ended by signal N'],
]

const CODES = `Exit codes:
${EXIT_CODES.map((row) => `  ${row.map((cell) => cell.padEnd(9)).join('')}`.trimEnd()).join('\n')}
`

/** Takes the work of the command that was named. */
type Run = (work: (signal: AbortSignal) => Promise<number>) => void

/** The commands. `run` is called with the work of the named command. */
export function commands(run: Run): Command {
  const program = new Command('terrarium')
    .description('Python workers and XState actors, kept alive, contained and visible')
    .version(version(), '--version')
    .helpOption('-h, --help')
    .helpCommand(false)
    .showSuggestionAfterError(true)
    .addHelpText('after', `\n${PYTHON}\n${CODES}`)
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => {
        write(`${text.replace(/^error: /, '').trimEnd()}\nSee --help.\n`)
      },
    })
  const add = (name: string, description: string): Command =>
    program.command(name).description(description).option('--json', 'print JSON: one object, events one a line')

  add('call', 'start one worker, call TOOL, print the result as JSON')
    .argument('<FILE>', 'the tools: a file, tools.py, or a module, pkg.mod')
    .argument('<TOOL>', 'the name of a tool')
    .argument('[JSON]', 'an object of keyword arguments, @FILE, or - for stdin', '{}')
    .option('--timeout <MS>', 'give up after so many ms')
    .option('--python <PYTHON>', 'the interpreter')
    .action((file: string, tool: string, json: string, options: CallOptions) => {
      run(async (signal) => (await import('./commands/call.ts')).call(file, tool, json, options, signal))
    })
  add('list', 'list the tools of a file or module, with their signatures')
    .argument('<FILE>', 'the tools: a file, tools.py, or a module, pkg.mod')
    .option('--python <PYTHON>', 'the interpreter')
    .action((file: string, options: ListOptions) => {
      run(async (signal) => (await import('./commands/list.ts')).list(file, options, signal))
    })
  add('doctor', 'say what a pool would use here, and everything that is wrong')
    .argument('[FILE]', 'tools that are to be imported too: a file, tools.py, or a module, pkg.mod')
    .option('--python <PYTHON>', 'the interpreter')
    .option('--transport <NAME>', 'socket or grpc')
    .action((file: string | undefined, options: DoctorOptions) => {
      run(async (signal) => (await import('./commands/doctor.ts')).doctor(file, options, signal))
    })
  add('ps', 'list the workers of all programs of this user')
    .option('--wide', 'cut no line')
    .option('--processes', 'list the processes of this machine that carry a spawn tag instead')
    .action((options: PsOptions) => {
      run(async () => (await import('./commands/ps.ts')).ps(options))
    })
  add('tree', 'show pools, supervisors and their children in all observed programs')
    .option('--wide', 'cut no line')
    .action((options: TreeOptions) => {
      run(async () => (await import('./commands/tree.ts')).tree(options))
    })
  add('status', 'show one worker or child: state, since when, why, what repairs it, its last lines')
    .argument('<WORKER>', 'its path, text/worker-1, or the end of it')
    .action((name: string, options: StatusOptions) => {
      run(async () => (await import('./commands/status.ts')).status(name, options))
    })
  add('events', 'show what has happened in the observed programs, and because of what')
    .option('-f, --follow', 'go on with what happens from now on')
    .option('--of <ACTOR>', 'only of this actor and what is below it')
    .action((options: EventsOptions) => {
      run(async (signal) => (await import('./commands/events.ts')).events(options, signal))
    })
  add('open', 'print the addresses of the pages of observed programs, and open the newest in a browser')
    .option('--no-browser', 'only print')
    .option('--actions', 'with the token that lets the page act: restart, park, kill, pause')
    .action((options: OpenOptions) => {
      run(async () => (await import('./commands/open.ts')).open(options))
    })
  return program
}

/**
 * Runs the `terrarium` command. `argv`: the arguments without `node` and script. Resolves with the exit code, also
 * after a signal.
 */
export function main(argv: readonly string[]): Promise<number> {
  return inOrder((signal) => execute(argv, signal))
}

async function execute(argv: readonly string[], signal: AbortSignal): Promise<number> {
  let work: Parameters<Run>[0] | undefined
  const program = commands((given) => {
    work = given
  })
  if (argv.length === 0) {
    program.outputHelp({ error: true })
    return 2
  }
  try {
    program.parse(argv, { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    throw error
  }
  try {
    return (await work?.(signal)) ?? 2
  } catch (given) {
    if (signal.aborted) throw given // inOrder() knows what has ended it
    const error = withOwnHint(given)
    const isJson = argv.includes('--json')
    process.stderr.write(`${isJson ? JSON.stringify({ error: errorToJson(error) }) : explain(error)}\n`)
    return exitCodeFor(error)
  }
}

function version(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return (JSON.parse(manifest) as { version: string }).version
}
