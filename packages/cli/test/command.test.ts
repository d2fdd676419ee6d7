import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { expectDocumented } from './documented.ts'
import { eventually, place, testPython } from './support.ts'

test('--help and --version', async () => {
  const home = place()
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  const { version } = JSON.parse(manifest) as { version: string }
  expect(await home.run(['--version'])).toEqual({ code: 0, signal: null, stdout: `${version}\n`, stderr: '' })
  for (const args of [['--help'], ['call', '--help'], ['-h']]) {
    expect(await home.run(args)).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Usage: terrarium /) })
  }
})

test('no command, or an unknown command, is wrong usage', async () => {
  const home = place()
  expect(await home.run([])).toMatchObject({ code: 2, stdout: '' })
  expect(await home.run(['frob'])).toMatchObject({
    code: 2,
    stderr: "unknown command 'frob'\nSee --help.\n",
  })
  expect(await home.run(['toString'])).toMatchObject({ code: 2 })
  expect(await home.run(['pss'])).toMatchObject({ code: 2, stderr: expect.stringContaining('(Did you mean ps?)') })
  const misspelt = await home.run(['ps', '--jsn'])
  expect(misspelt).toMatchObject({ code: 2, stderr: expect.stringContaining('(Did you mean --json?)') })
})

test('doctor prints interpreter, versions and state, and calls a trial worker', async () => {
  const home = place()
  const { code, stdout, stderr } = await home.run(['doctor'])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toMatch(/^interpreter .*\(Python 3\.\d+\.\d+.*\)$/m)
  expect(stdout).toMatch(/^msgpack +\d+\.\d+/m)
  expect(stdout).toMatch(/^transport +(socket|grpc), which needs /m)
  expect(stdout).toMatch(/^terrarium +\d+\.\d+\.\d+, in \//m)
  expect(stdout).toContain(join(home.directory, 'state'))
  expect(stdout).toMatch(/^sockets +in \//m)
  expect(stdout).toMatch(/^containment +(pidns: the kernel ends|cgroup: the kernel ends|shepherd: one process)/m)
  expect(stdout).toMatch(/^trial worker +ready and answering/m)
})

test('doctor prints the containment in use, and refuses a level that does not exist', async () => {
  const home = place()
  const { stdout } = await home.run(['doctor'], { TERRARIUM_CONTAINMENT: 'shepherd' })
  expect(stdout).toMatch(/^containment +shepherd: one process ends all others/m)
  const { code, stderr } = await home.run(['doctor'], { TERRARIUM_CONTAINMENT: 'bastille' })
  expect({ code, stderr }).toMatchObject({
    code: 5,
    stderr: expect.stringContaining('There are: auto, pidns, cgroup, shepherd.'),
  })
})

/** The interpreter of a new environment without any package. */
async function barePython(directory: string): Promise<string> {
  const venv = join(directory, 'bare venv')
  await new Promise((resolve, reject) => {
    spawn(testPython(), ['-m', 'venv', '--without-pip', venv]).once('error', reject).once('close', resolve)
  })
  return join(venv, 'bin', 'python')
}

test('doctor finds nothing wrong with an interpreter without packages, for the socket', async () => {
  const home = place()
  const args = ['doctor', '--transport', 'socket', '--python', await barePython(home.directory)]
  const { code, stdout, stderr } = await home.run(args, { PYTHONPATH: '' })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toMatch(/^transport +socket, which needs nothing but the interpreter$/m)
  expect(stdout).toMatch(/^trial worker +ready and answering/m)
  expect(stdout).not.toContain('grpc')
})

test('doctor tries a worker that speaks gRPC, and knows no other transport than these', async () => {
  const home = place()
  const { code, stdout } = await home.run(['doctor', '--transport', 'grpc'])
  expect(code).toBe(0)
  for (const module of ['grpc', 'google.protobuf']) {
    expect(stdout).toMatch(new RegExp(`^${module} +\\d+\\.\\d+`, 'm'))
  }
  expect(stdout).toMatch(/^trial worker +ready and answering/m)
  expect(await home.run(['doctor', '--transport', 'toString'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--transport must be socket or grpc.'),
  })
})

test('doctor names every module that is missing for gRPC, and the command that installs them', async () => {
  const home = place()
  const python = await barePython(home.directory)
  const args = ['doctor', '--transport', 'grpc', '--python', python]
  const { code, stdout, stderr } = await home.run(args, { PYTHONPATH: '' })
  expect(code).toBe(78)
  expect(stdout.match(/ModuleNotFoundError/g)).toHaveLength(2)
  expect(stdout).toMatch(/^msgpack +not used: values are written and read by Terrarium itself, which takes longer$/m)
  expect(stderr).toContain(`cannot import grpc, google.protobuf\n`)
  const pip = `'${python}' -m pip install grpcio protobuf`
  expect(stderr).toContain(`hint: Install what is missing: '${python}' -m ensurepip && ${pip}\n`)
  // The other checks run all the same.
  expect(stdout).toMatch(/^containment /m)
})

test('A5: doctor prints every place where it looks for an interpreter, and what each would give', async () => {
  const home = place()
  const none = { TERRARIUM_PYTHON: '', VIRTUAL_ENV: '', CONDA_PREFIX: '' }
  const sources = async (args: readonly string[], env: Record<string, string>) => {
    const { stdout } = await home.run(['doctor', ...args], { ...none, ...env })
    return stdout
      .split('\n')
      .filter((line) => /^ {18}(--python|[A-Z_]+|\.\/\.venv|python3) /.test(line))
      .map((line) => line.trim().replace(/ {2,}/, ': '))
  }
  const python3 = expect.stringMatching(/^python3: \/.*\/python3$/)
  const options = ['--python', 'TERRARIUM_PYTHON', 'VIRTUAL_ENV', 'CONDA_PREFIX']
  const notGiven = [...options.map((name) => `${name}: not given`), './.venv: there is none']
  expect(await sources([], {})).toEqual([...notGiven, expect.stringMatching(/^python3: \/.*, taken$/)])
  const given = await sources(['--python='], { TERRARIUM_PYTHON: testPython(), VIRTUAL_ENV: home.directory })
  expect(given).toEqual([
    notGiven[0],
    `TERRARIUM_PYTHON: ${testPython()}, taken`,
    `VIRTUAL_ENV: there is no ${join(home.directory, 'bin', 'python')}`,
    notGiven[3],
    notGiven[4],
    python3,
  ])
  expect(await sources(['--python', '/no/such/python'], {})).toEqual([
    '--python: there is no /no/such/python',
    ...notGiven.slice(1),
    python3,
  ])
})

test('doctor prints everything that is wrong at once', async () => {
  const home = place()
  const file = home.file('file', '')
  const { code, stderr } = await home.run(['doctor', '--transport', 'grpc'], {
    TERRARIUM_STATE_DIR: file,
    PYTHONPATH: home.shadow('grpc'),
  })
  expect(code).toBe(78)
  expect(stderr).toMatch(/^CONFIGURATION: .*cannot import grpc\n.*^CONFIGURATION: The state directory/ms)
})

test('doctor --json prints one object: checks, and everything that is wrong', async () => {
  const home = place()
  const { code, stdout, stderr } = await home.run(['doctor', '--json'], { TERRARIUM_STATE_DIR: home.file('file', '') })
  expect({ code, stderr }).toEqual({ code: 78, stderr: '' })
  const found = JSON.parse(stdout) as { ok: boolean; checks: { name: string }[]; problems: { hint: string }[] }
  expect(found.ok).toBe(false)
  expect(found.checks.map(({ name }) => name)).toEqual(expect.arrayContaining(['interpreter', 'msgpack', 'transport']))
  // The hint has the words of the command, which has no option stateDir.
  expect(found.problems).toMatchObject([
    { code: 'CONFIGURATION', hint: expect.stringMatching(/^Set TERRARIUM_STATE_DIR to a folder/) },
  ])
})

test('doctor FILE imports these tools, and names the module that is missing and what installs it', async () => {
  const home = place()
  const tools = home.file('tools.py', 'import numpyy\n')
  const { code, stdout, stderr } = await home.run(['doctor', tools])
  expect({ code, stderr }).toEqual({
    code: 78,
    stderr: expect.stringMatching(/CONFIGURATION: .*numpyy[^]*hint: .*Install what is missing: .* install numpyy/),
  })
  expect(stdout).toMatch(/^trial worker +cannot start$/m)
  const { stdout: json } = await home.run(['doctor', tools, '--json'])
  expectDocumented('doctor', JSON.parse(json))
  expect(await home.run(['doctor', 'nothing.py'])).toMatchObject({
    code: 78,
    stderr: expect.stringContaining('hint: Correct FILE: a path is relative to the working directory.\n'),
  })
})

test('doctor refuses a path that is no interpreter', async () => {
  const { code, stderr } = await place().run(['doctor', '--python', '/no/such/python'])
  expect(code).toBe(78)
  expect(stderr).toMatch(/CONFIGURATION: .*\/no\/such\/python/)
})

test('ps lists a worker while it is alive, and not after its exit', async () => {
  const home = place()
  const begun = join(home.directory, 'begun')
  const tools = home.file(
    'tools.py',
    `
import time
from terrarium import tool

@tool
def nap():
    open(${JSON.stringify(begun)}, "w").close()
    time.sleep(60)
`,
  )
  const running = home.run(['call', tools, 'nap'])
  await eventually('the call has begun', () => existsSync(begun))
  const [pid] = home.workers()
  const line = new RegExp(`^${pid ?? 0} .*_boot\\.py`, 'm')
  expect((await home.run(['ps', '--processes'])).stdout).toMatch(line)
  running.child.kill('SIGINT')
  expect((await running).code).toBe(130)
  expect((await home.run(['ps', '--processes'])).stdout).not.toMatch(line)
})
