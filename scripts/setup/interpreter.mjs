// Finds the Python that virtual environments are made from, or says why there is none.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { SetUpError } from './failure.mjs'
import { pythonIn, venvs } from './paths.mjs'

const OLDEST = [3, 10]
const NAMES = ['python3', 'python', 'python3.14', 'python3.13', 'python3.12', 'python3.11', 'python3.10']

/** Also for Pythons that are too old: the message names them. */
const PROBE = `
import sys; sys.path = [folder for folder in sys.path if folder]
import json, platform
try:
    import ensurepip, venv
    has_venv = hasattr(ensurepip, "bootstrap") and hasattr(venv, "create")
except ImportError:
    has_venv = False
print(json.dumps({
    "executable": sys.executable,
    "version": platform.python_version(),
    "implementation": platform.python_implementation(),
    "venv": has_venv,
}))`

/** The interpreter's name in the environment, if the caller chose one. */
export const requestedPython = () => (isHandedOver() ? undefined : process.env.TERRARIUM_PYTHON || undefined)

/** Whether TERRARIUM_PYTHON is what an outer command of this checkout set after its own set-up. */
export const isHandedOver = () => Object.values(venvs).some((venv) => process.env.TERRARIUM_PYTHON === pythonIn(venv))

/**
 * The interpreter to build the virtual environments from: TERRARIUM_PYTHON, or else the first of python3, python,
 * python3.14 … python3.10 on PATH that is CPython 3.10 or newer and has venv.
 *
 * @param {number} [below] a minor version that is too new, for tools that have no wheels for it: then an older one on
 *   PATH will do whatever TERRARIUM_PYTHON says
 * @returns {{ executable: string, version: string }} executable: of the real interpreter, not of a shim
 */
export function findInterpreter(below) {
  const requested = below === undefined ? requestedPython() : undefined
  const isFit = (candidate) => isRecent(candidate) && (below === undefined || minorOf(candidate) < below)
  const found = []
  for (const command of requested === undefined ? NAMES.flatMap(everyOnPath) : [requested]) {
    const candidate = probe(command)
    if (candidate === undefined) continue
    if (isFit(candidate) && candidate.implementation === 'CPython' && candidate.venv) return candidate
    found.push(candidate)
  }
  if (below !== undefined)
    throw new SetUpError(`This needs a Python from 3.10 to 3.${below - 1} with venv on PATH, and there is none.`)
  throw new SetUpError(whyNone(requested, found))
}

/** Every file of that name on PATH: the first may be a shim that leads nowhere. */
const everyOnPath = (name) =>
  (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, name))
    .filter((path) => existsSync(path))

function probe(command) {
  // -E and -s are most of -I, which Python 2 does not know. The rest is the first line of the probe.
  const options = { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }
  const { status, stdout } = spawnSync(command, ['-E', '-s', '-c', PROBE], options)
  try {
    return status === 0 ? JSON.parse(stdout) : undefined
  } catch {
    return undefined
  }
}

const minorOf = ({ version }) => Number(version.split('.')[1])

function isRecent({ version }) {
  const [major, minor] = version.split('.').map(Number)
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])
}

function whyNone(requested, found) {
  const recent = found.filter(isRecent)
  const list = (candidates) =>
    [...new Set(candidates.map(({ version, executable }) => `Python ${version} at ${executable}`))].join(', ')
  const otherwise = 'or set TERRARIUM_PYTHON to the path of another one, and run the same command again.'
  if (found.length === 0) {
    return requested === undefined
      ? `No Python was found on PATH (looked for ${NAMES.join(', ')}). Install Python 3.10 or newer (Debian and Ubuntu: apt-get install python3 python3-venv) ${otherwise}`
      : `TERRARIUM_PYTHON is ${requested}, which does not run as a Python interpreter. Correct it or unset it, and run the same command again.`
  }
  if (recent.length === 0) {
    return `Python 3.10 or newer is needed; found only ${list(found)}. Install a newer one ${otherwise}`
  }
  const cpython = recent.filter(({ implementation }) => implementation === 'CPython')
  if (cpython.length === 0) {
    return `CPython 3.10 or newer is needed, because grpcio has ready-made packages for it only; found ${list(recent)}. Install CPython ${otherwise}`
  }
  const minor = cpython[0].version.split('.').slice(0, 2).join('.')
  return `${list(cpython.slice(0, 1))} lacks the venv or ensurepip module. Install it (Debian and Ubuntu: apt-get install python${minor}-venv) ${otherwise}`
}
