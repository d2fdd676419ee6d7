// The entry of the `terrarium` command: finds the command by its name and answers `--help` and `--version`.
import { readFileSync } from 'node:fs'
import { call } from './commands/call.ts'
import { doctor } from './commands/doctor.ts'
import { ps } from './commands/ps.ts'
import { inOrder } from './terminal/in-order.ts'
import { UsageError } from './terminal/usage-error.ts'

const HELP = `terrarium: Python workers, kept alive, contained and visible

  terrarium call TOOLS TOOL [JSON] [--timeout MS] [--python PATH]
      Starts one worker with the tools of TOOLS (a file, tools.py, or a module, pkg.mod), calls TOOL with the keyword
      arguments in the JSON object, prints the result as JSON, and ends the worker. What the tool prints goes to stderr.
  terrarium doctor [--python PATH] [--transport NAME]
      Shows which interpreter workers would run on and why, what it lacks, the command that repairs it, and whether the
      folders for state and sockets and the containment work.
  terrarium ps
      Lists the processes on this machine that carry a spawn tag of Terrarium.

  --python PATH   an interpreter, or the folder of a virtual environment; default: the first of TERRARIUM_PYTHON,
                  VIRTUAL_ENV, CONDA_PREFIX, ./.venv and python3
  --help, --version

Exit codes: 0 done, 1 failed, 2 wrong usage, 128 + N ended by signal N.
`

type Command = (argv: readonly string[], signal: AbortSignal) => Promise<number>

const COMMANDS: Readonly<Record<string, Command | undefined>> = { call, doctor, ps }

/**
 * Runs the `terrarium` command. `argv`: the arguments without `node` and script. Resolves with the exit code, also
 * after a signal.
 */
export function main(argv: readonly string[]): Promise<number> {
  return inOrder((signal) => run(argv, signal))
}

async function run(argv: readonly string[], signal: AbortSignal): Promise<number> {
  const [name, ...rest] = argv
  if (name === undefined) {
    process.stderr.write(HELP)
    return 2
  }
  if (isAsked(argv, '--help') || name === '-h') {
    process.stdout.write(HELP)
    return 0
  }
  if (name === '--version') {
    process.stdout.write(`${version()}\n`)
    return 0
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (command === undefined) {
    throw new UsageError(
      `There is no command ${name}. The commands are ${Object.keys(COMMANDS).join(', ')}. See --help.`,
    )
  }
  return command(rest, signal)
}

/** Whether an option is given. What comes after `--` is an argument, not an option. */
function isAsked(argv: readonly string[], option: string): boolean {
  const at = argv.indexOf(option)
  const end = argv.indexOf('--')
  return at !== -1 && (end === -1 || at < end)
}

function version(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return (JSON.parse(manifest) as { version: string }).version
}
