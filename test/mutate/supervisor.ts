// Mutations of the supervisor: strategies and their plans, causes, explain, what-if, journal and resume.
import type { Mutation, Tests } from './mutation.ts'

const of = (file: string, name?: string): Tests => ({
  project: 'supervisor',
  path: `packages/supervisor/test/${file}.test.ts`,
  ...(name === undefined ? {} : { name }),
})

const core = (file: string): string => `packages/supervisor/src/core/${file}.ts`

export const SUPERVISOR: readonly Mutation[] = [
  {
    breaks: 'a child that the breaker has parked is not restarted by a plan',
    file: core('course'),
    find: "parkedFor === 'strategy' || (parkedFor !== 'request' && action === 'stop')",
    replace: 'true',
    tests: [of('plans/siblings'), of('plans/actions')],
  },
  {
    breaks: 'a temporary child that a plan names is stopped',
    file: core('course'),
    find: "!isFailed && child.restart === 'temporary' ? 'stop' : step.action",
    replace: 'step.action',
    tests: [of('plans/siblings'), of('plans/actions'), of('plans/dynamic')],
  },
  {
    breaks: 'a group that a plan starts at once counts against the intensity',
    file: core('carry-out'),
    find: 'group.at === turn.now && !turn.state.window.admit(turn.now)',
    replace: 'false',
    tests: [of('plans/actions'), of('plans/siblings'), of('plans/faults')],
  },
  {
    breaks: 'the breaker outranks a plan that restarts the failed child',
    file: core('carry-out'),
    find: 'const isOverruled = cause !== undefined && comesBack',
    replace: 'const isOverruled = cause !== undefined && comesBack && remaining.length > 0',
    tests: [of('plans/siblings')],
  },
  {
    breaks: 'a plan that leaves out the failed child is refused',
    file: core('actions'),
    find: 'if (!ids.includes(failed)) mistakes',
    replace: 'if (ids.length === 0) mistakes',
    tests: [of('plans/faults')],
  },
  {
    breaks: 'the memory of a strategy is a copy at each question',
    file: core('views'),
    find: 'memory: strategyMemory === undefined ? undefined : JSON.parse(strategyMemory),',
    replace: 'memory: (globalThis.kept ??= JSON.parse(strategyMemory ?? "null")) ?? undefined,',
    tests: [of('plans/memory')],
  },
  {
    breaks: 'the dependents of dependents are restarted too',
    file: 'packages/supervisor/src/spec/strategy.ts',
    find: 'for (const id of found) for (const user of users.get(id) ?? []) found.add(user)',
    replace: 'for (const user of users.get(failed) ?? []) found.add(user)',
    tests: [of('dependencies')],
  },
  {
    breaks: 'a failure before the child is ready belongs to the incident for which it was started',
    file: core('cause'),
    find: 'child.readyAt === undefined ? child.cause?.incident : undefined',
    replace: 'undefined',
    tests: [of('because')],
  },
  {
    breaks: 'the exit of a failed child tells its own failure',
    file: core('lifecycle'),
    find: "child.state === 'stopping' ? child.cause : causeOf(turn, child, death)",
    replace: "child.state === 'stopping' ? child.cause : void causeOf(turn, child, death)",
    tests: [of('because')],
  },
  {
    breaks: 'a member that is held already keeps the cause for which it went down',
    file: core('group'),
    find: 'if (!isDown || !member.isHeld) member.cause = failed.cause',
    replace: 'member.cause = failed.cause',
    tests: [of('because')],
  },
  {
    breaks: 'explain() says which child brings back a child that is held down',
    file: core('explain'),
    find: 'other.id !== id && other.isWaiting && other',
    replace: 'other.id !== id && !other.isWaiting && other',
    tests: [of('explain')],
  },
  {
    breaks: 'explain() offers no way back for a child that is up',
    file: core('explain'),
    find: 'if (child.isAlive || child.death !== undefined ||',
    replace: 'if (child.death !== undefined ||',
    tests: [of('explain')],
  },
  {
    breaks: 'a what-if changes nothing',
    file: core('what-if'),
    find: 'const copy = cloneState(',
    replace: 'const copy = Object.assign(state, { settings: state.settings }) && ((_state, _settings) => state)(',
    tests: [of('what-if')],
  },
  {
    breaks: 'what waits in the queue is no consequence of an imagined failure',
    file: core('what-if'),
    find: 'rehearsal.steps.length = 0',
    replace: 'rehearsal.steps.length += 0',
    tests: [of('what-if')],
  },
  {
    breaks: 'a snapshot from which a child fails again in the same way is dropped',
    file: core('resume'),
    find: "failure.phase === 'start' || failures.includes(failure.fingerprint)",
    replace: "failure.phase === 'start'",
    tests: [of('resume')],
  },
  {
    breaks: 'a transient failure says nothing about the snapshot',
    file: core('resume'),
    find: "failure.class === 'transient' || failure.class === 'overload'",
    replace: "failure.class === 'overload'",
    tests: [of('resume')],
  },
  {
    breaks: 'a journal begins a new segment when one is full',
    file: 'packages/supervisor/src/replay/journal.ts',
    find: 'length < this.options.size || state.task',
    replace: 'length < 4 * this.options.size || state.task',
    tests: [of('journal')],
  },
  {
    breaks: 'an imagined question to a strategy is not recorded',
    file: 'packages/supervisor/src/replay/hooks.ts',
    find: 'if (isImagining()) return ask()',
    replace: 'if (false as boolean) return ask()',
    tests: [of('journal'), of('replay'), of('what-if'), of('resume.persisted')],
  },
  {
    breaks: 'a root persists what its nested supervisors remember',
    file: 'packages/supervisor/src/actor/history.ts',
    find: "settings.kind !== 'static' || !settings.keepHistory",
    replace: 'settings.keepHistory',
    tests: [of('persisted-tree')],
  },
]
