import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from '@jest/globals'
import { ROOT } from '../support/command.ts'
import { eventually } from '../support/terrarium.ts'
import { testUnless } from '../support/when.ts'
import { freePort, nodeOf, PROJECT, stranger } from './stranger.ts'

const page = readFileSync(join(ROOT, 'docs', 'containers-and-services.md'), 'utf8')
const [server = ''] = [...page.matchAll(/^```js\n([^]*?)^```$/gm)].map(([, body]) => body)
writeFileSync(join(PROJECT, 'server.mjs'), server)

const READS = '{ to: 2, be: 2, or: 1, not: 1 }\n{ processesLeft: 0 }\n'
const node = nodeOf('newest')

const works = (command: string, ...args: string[]): boolean => spawnSync(command, args).status === 0
const withoutNamespaces = works('unshare', '--pid', '--fork', '--mount-proc', 'true')
  ? undefined
  : 'PID namespaces are not permitted here'
const withoutMounts = works('unshare', '--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/tmp')
  ? undefined
  : 'mount namespaces are not permitted here'
const withoutRoot = process.getuid?.() === 0 ? undefined : 'only root can become another user'

testUnless(withoutNamespaces)('A host that is PID 1 settles the call in flight when it gets SIGTERM', async () => {
  const me = stranger()
  const port = await freePort()
  const namespace = ['--pid', '--fork', '--mount-proc', '--kill-child', node, 'server.mjs']
  const begun = join(me.home, 'begun')
  const running = me.run('unshare', namespace, { env: { PORT: String(port), BEGUN: begun } })
  let printed = ''
  running.child.stdout?.on('data', (chunk: Buffer) => (printed += chunk.toString()))
  await eventually('the server is ready', () => printed.includes('ready'))
  const calling = fetch(`http://127.0.0.1:${port}/`).then((response) => response.text())
  const children = `/proc/${running.child.pid ?? 0}/task/${running.child.pid ?? 0}/children`
  const host = Number(readFileSync(children, 'utf8').trim())
  await eventually('the tool runs', () => existsSync(begun))
  process.kill(host, 'SIGTERM')
  expect(JSON.parse(await calling)).toEqual({ uid: process.getuid?.() })
  expect(await running).toMatchObject({ code: 0, stdout: 'ready\nSIGTERM: 0 processes left\n', stderr: '' })
})

testUnless(withoutRoot)(
  'A user id without an entry and a home needs a state directory, and the error says so',
  async () => {
    const me = stranger(54_321)
    const user = ['--reuid=54321', '--regid=0', '--clear-groups', 'env', '--unset=HOME']
    // As root, which can take that user id.
    const root = stranger()
    const without = await root.run('setpriv', [...user, node, 'main.mjs'])
    expect(without.code).toBe(1)
    expect(without.stderr).toContain('Set TERRARIUM_STATE_DIR')
    const state = join(me.home, 'state')
    const env = { TERRARIUM_STATE_DIR: state }
    const { code, stdout, stderr } = await root.run('setpriv', [...user, node, 'main.mjs'], { env })
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: READS, stderr: '' })
  },
)

testUnless(withoutMounts)(
  'A read-only root needs a tmpfs with the state directory, and the error says so',
  async () => {
    const me = stranger()
    const script = `
    set -e
    mount --make-rprivate /
    # The project is below /tmp, which is covered.
    mount -t tmpfs tmpfs /mnt
    mkdir /mnt/project
    mount --bind "$PROJECT" /mnt/project
    mount --bind "$NODES" /media
    mount -t tmpfs tmpfs /tmp
    mount -o remount,ro,bind /mnt/project
    mount -o remount,ro,bind /
    cd /mnt/project
    ! touch "$HOME/x" /mnt/project/x 2>/dev/null
    exec /media/bin/node main.mjs
  `
    const env = { PROJECT, NODES: join(node, '..', '..'), HOME: '/home' }
    const run = (more: Record<string, string>) =>
      me.run('unshare', ['--mount', 'sh', '-c', script], { env: { ...env, ...more } })
    const without = await run({})
    expect(without.stderr).toContain('the file system is read-only')
    expect(without.stderr).toContain('Set TERRARIUM_STATE_DIR')
    expect(await run({ TERRARIUM_STATE_DIR: '/tmp/terrarium' })).toMatchObject({ code: 0, stdout: READS, stderr: '' })
  },
)
