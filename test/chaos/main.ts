// The command `npm run chaos`.
import { namespaceOptions, runInside } from './namespace.ts'
import { parseRequest, USAGE } from './request.ts'

/**
 * Runs the command. Returns its exit code: 1 if something went wrong or cannot be tried here, 2 for bad
 * usage.
 */
export async function main(argv: readonly string[]): Promise<number> {
  if (argv.includes('--help')) {
    process.stdout.write(`${USAGE}\n`)
    return 0
  }
  const request = parseRequest(argv)
  if (typeof request === 'string') {
    process.stderr.write(`${request}\n${USAGE}\n`)
    return 2
  }
  const python = process.env.TERRARIUM_PYTHON ?? ''
  if (python === '') {
    process.stderr.write('TERRARIUM_PYTHON does not say which Python to use; `npm run chaos` sets it.\n')
    return 2
  }
  const options = namespaceOptions()
  if (options === undefined) {
    process.stderr.write(
      'The chaos runs in a PID namespace of its own, which this user cannot have here: try it as root, or on a Linux that permits `unshare --user --pid`.\n',
    )
    return 1
  }
  return runInside(options, python, argv)
}
