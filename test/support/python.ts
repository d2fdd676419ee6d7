// The Python interpreter of the tests, and the tool module that most of them call.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** The tools that most tests call. */
export const TOOLS = fileURLToPath(new URL('tools.py', import.meta.url))

/** The interpreter of the tests: TERRARIUM_PYTHON, or else the interpreter that `npm run setup` has installed. */
export function testPython(): string {
  const path = process.env.TERRARIUM_PYTHON || join(ROOT, '.venv', 'bin', 'python')
  if (!existsSync(path)) throw new Error(`There is no Python at ${path}. Run "npm run setup" first.`)
  return path
}
