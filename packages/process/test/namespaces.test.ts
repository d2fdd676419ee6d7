import { spawn } from 'node:child_process'
import {
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { findTagged, type SweepResult } from '@terrarium/process'
import { pino } from 'pino'
import { testUnless, withoutPidNamespaces } from '../../../test/support/when.ts'
import { isAlive, parentOf } from '../../../test/support/processes.ts'
import { eventually } from '../../../test/support/waiting.ts'
import {
  ended,
  freshState,
  hostArguments,
  onEnd,
  open,
  startHost,
  watchHost,
  type Host,
  type HostFacts,
} from './support.ts'

const ENCLOSED = ['-pf', '--mount-proc', '--kill-child']

/** True if this PID namespace has all processes of the machine. */
const seesAll = readlinkSync('/proc/self/ns/pid') === 'pid:[4026531836]'

/**
 * A host in a PID namespace of its own, as in a container, with the folders of this host. `init`: the first process of
 * the namespace.
 */
function container(stateDir: string, action: readonly string[], init: readonly string[] = []): Host {
  const command = [...ENCLOSED, ...init, process.execPath, ...hostArguments(stateDir, ...action)]
  return watchHost(spawn('unshare', command, { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env } }))
}

async function kill(host: Host, { run }: HostFacts): Promise<void> {
  host.child.kill('SIGKILL')
  await ended(host.child)
  await eventually('the container is empty', () => findTagged({ run }).length === 0, 2000)
}

async function sweptBy(sweeper: Host): Promise<SweepResult> {
  const { swept } = await sweeper.next()
  await ended(sweeper.child)
  return swept as SweepResult
}

const runs = (stateDir: string): string[] => readdirSync(join(stateDir, 'runs'))

testUnless(withoutPidNamespaces())(
  'D17: six containers on one volume are killed, and the next one to start sweeps them',
  async () => {
    const stateDir = freshState()
    const hosts = [1, 2, 3, 4, 5, 6].map(() => container(stateDir, ['hold', 'idle']))
    const dead = await Promise.all(hosts.map((host) => host.next()))
    await Promise.all(dead.map((facts, index) => kill(hosts[index] as Host, facts)))
    expect(dead.map(({ children }) => children.length)).toEqual([1, 1, 1, 1, 1, 1])
    expect(runs(stateDir).sort()).toEqual(dead.map(({ run }) => run).sort())
    const report = await sweptBy(container(stateDir, ['sweep']))
    expect([...report.swept].sort()).toEqual(dead.map(({ run }) => run).sort())
    expect(report.left).toEqual([])
    expect(runs(stateDir)).toEqual([])
  },
)

testUnless(withoutPidNamespaces())('D17: a container that lives is neither swept nor reported', async () => {
  const stateDir = freshState()
  const living = container(stateDir, ['hold', 'idle'])
  const facts = await living.next()
  expect(await sweptBy(container(stateDir, ['sweep']))).toEqual({ swept: [], killed: [], dropped: [], left: [] })
  // A runtime that sees the processes of that run does not sweep it either.
  expect(await (await open(stateDir)).swept).toMatchObject({ swept: [], killed: [], left: [] })
  expect(runs(stateDir)).toContain(facts.run)
  await kill(living, facts)
})

testUnless(withoutPidNamespaces())(
  'D17: what may be alive in another container is logged once, and kept for the sweep that can see it',
  async () => {
    process.env['TERRARIUM_CONTAINMENT'] = 'shepherd'
    onEnd(() => delete process.env['TERRARIUM_CONTAINMENT'])
    const stateDir = freshState()
    // The first process of the namespace is no host, and lives on.
    const init = ['sh', '-c', 'exec 3<&0; "$@" <&3 & wait; sleep 60', 'sh']
    const host = container(stateDir, ['hold', 'grandchild setsid'], init)
    const { run, children } = await host.next()
    const [child] = children
    const found = findTagged({ run })
    const [shepherd] = found.filter(({ spawn }) => spawn !== child?.spawn).map(({ pid }) => pid)
    const family = found.filter(({ spawn }) => spawn === child?.spawn).map(({ pid }) => pid)
    expect(family).toHaveLength(2)
    const victims = [parentOf(shepherd ?? 0), shepherd ?? 0]
    for (const pid of victims) process.kill(pid, 'SIGSTOP')
    for (const pid of victims.reverse()) process.kill(pid, 'SIGKILL')
    await eventually('only what has left its session is there', () => family.filter(isAlive).length === 1, 2000)

    const told = { reason: 'other_namespace', run }
    const first = await sweptBy(container(stateDir, ['sweep']))
    expect(first).toMatchObject({ swept: [], killed: [], left: [told] })
    expect(first.left[0]?.isKnown).toBeUndefined()
    const second = await sweptBy(container(stateDir, ['sweep']))
    expect(second).toMatchObject({ swept: [], left: [{ ...told, isKnown: true }] })
    expect(family.filter(isAlive)).toHaveLength(1)

    if (seesAll) {
      const report = await (await open(stateDir)).swept
      expect(report).toMatchObject({ swept: [run], left: [] })
      expect(report.killed.map(({ pid }) => pid)).toEqual(family.filter((pid) => report.killed[0]?.pid === pid))
      expect(family.filter(isAlive)).toEqual([])
    }
    host.child.kill('SIGKILL')
    await ended(host.child)
  },
)

test('D17: a run that was never locked is reported once', async () => {
  const stateDir = freshState()
  const host = startHost(stateDir, 'hold', 'idle')
  const { run } = await host.next()
  host.child.kill('SIGKILL')
  await ended(host.child)
  await eventually('all of it is gone', () => findTagged({ run }).length === 0, 2000)
  const folder = join(stateDir, 'runs', run)
  const owner = JSON.parse(readFileSync(join(folder, 'owner.json'), 'utf8')) as object
  writeFileSync(join(folder, 'owner.new'), JSON.stringify({ ...owner, namespaces: 'pid:[1] time:[1]' }))
  renameSync(join(folder, 'owner.new'), join(folder, 'owner.json'))
  rmSync(join(folder, 'held'))
  // A young run without a lock may be starting, so this run is made an hour old.
  const hourAgo = Date.now() / 1000 - 3600
  utimesSync(join(folder, 'owner.json'), hourAgo, hourAgo)

  const logged: string[] = []
  const logger = { write: (line: string) => void logged.push(line) }
  const reports: SweepResult[] = []
  for (let round = 0; round < 3; round++) {
    const runtime = await open(stateDir, pino({ level: 'warn' }, logger))
    reports.push(await runtime.swept)
    await runtime.close()
  }
  expect(reports.map(({ swept }) => swept)).toEqual([[], [], []])
  expect(reports.map(({ left }) => left.map(({ reason, isKnown }) => [reason, isKnown]))).toEqual([
    [['other_namespace', undefined]],
    [['other_namespace', true]],
    [['other_namespace', true]],
  ])
  expect(logged.filter((line) => line.includes('other_namespace'))).toHaveLength(1)
  expect(existsSync(folder)).toBe(true)
})
