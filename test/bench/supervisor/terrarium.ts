// The contender Terrarium, in several configurations.
import {
  createSupervisor,
  type ChildSpec,
  type SimpleSupervisor,
  type Supervisor,
  type SupervisorOptions,
} from '@terrarium/supervisor'
import { keepJournal } from '@terrarium/supervisor/replay'
import { createActor, type AnyActorRef } from 'xstate'
import { breathe, collectGarbage, contend, heapUsed, perSecond } from './contender.ts'
import { COUNT, counter, CRASH } from './counter.ts'
import { restartAtOnce, restartCost, restartInTurns, Starts } from './restarts.ts'
import type { Sample, Size } from './trial.ts'

/**
 * `default` is what a user has without any options. The others never give up, and never wait before a restart, as
 * Erlang is set up.
 */
type Mode = 'otp' | 'default' | 'unlimited'

/** How many repetitions there were of a trial that takes turns. */
let turn = 0

const OPTIONS = {
  otp: { mode: 'otp', intensity: 1_000_000_000, period: 3_600_000 },
  default: {},
  unlimited: {
    intensity: 1_000_000_000,
    period: 3_600_000,
    backoff: 'off',
    breaker: 'off',
    crashLoop: 'off',
    startRate: Infinity,
  },
} as const satisfies Record<Mode, Partial<SupervisorOptions>>

const common = (mode: Mode) => ({ id: 'app', ...OPTIONS[mode] })

const specOf = (_: unknown, index: number): ChildSpec => ({ id: String(index), logic: counter })

type Dynamic = SimpleSupervisor<{ readonly id: 'counter'; readonly logic: typeof counter }>

async function openDynamic(mode: Mode): Promise<Dynamic> {
  const app = createSupervisor({
    ...common(mode),
    strategy: 'simple_one_for_one',
    children: [{ id: 'counter', logic: counter }],
  })
  await app.start()
  return app
}

async function startAll(app: Dynamic, children: number): Promise<void> {
  await Promise.all(Array.from({ length: children }, () => app.startChild()))
}

interface Static {
  readonly app: Supervisor
  /** The actor that runs for each child now. */
  readonly refs: AnyActorRef[]
  readonly starts: Starts
}

async function openStatic(
  mode: Mode,
  strategy: 'one_for_one' | 'one_for_all',
  children: number,
  more: Partial<SupervisorOptions> = {},
): Promise<Static> {
  const specs = Array.from({ length: children }, specOf)
  const app = createSupervisor({ ...common(mode), strategy, children: specs, ...more } as SupervisorOptions)
  const refs: AnyActorRef[] = []
  const starts = new Starts()
  app.on('child.start', ({ id, ref }) => {
    refs[Number(id)] = ref
    starts.count()
  })
  await app.start()
  await breathe()
  return { app, refs, starts }
}

async function measureStart(mode: Mode, { children }: Size): Promise<Sample> {
  const app = await openDynamic(mode)
  collectGarbage()
  const begun = performance.now()
  await startAll(app, children)
  const ms = performance.now() - begun
  await app.stop()
  return { 'children/s': perSecond(children, ms) }
}

async function measureStartAwaited(mode: Mode, { children }: Size): Promise<Sample> {
  const app = await openDynamic(mode)
  collectGarbage()
  const begun = performance.now()
  for (let started = 0; started < children; started++) await app.startChild()
  const ms = performance.now() - begun
  await app.stop()
  return { 'children/s': perSecond(children, ms) }
}

async function measureStop(mode: Mode, { children }: Size): Promise<Sample> {
  const app = await openDynamic(mode)
  await startAll(app, children)
  collectGarbage()
  const begun = performance.now()
  await app.stop()
  return { ms: performance.now() - begun }
}

async function measureRestarts(mode: Mode, size: Size, more: Partial<SupervisorOptions> = {}): Promise<Sample> {
  const { app, refs, starts } = await openStatic(mode, 'one_for_one', size.children, more)
  const sample = await restartInTurns(starts, size, (child) => refs[child]?.send(CRASH))
  await app.stop()
  return sample
}

/** The order changes from repetition to repetition. */
async function measureJournal(mode: Mode, size: Size): Promise<Sample> {
  const kinds: [string, Partial<SupervisorOptions>][] = [
    ['with', { journal: keepJournal() }],
    ['without', {}],
  ]
  if (turn++ % 2 === 1) kinds.reverse()
  const rates: Record<string, number> = {}
  for (const [name, options] of kinds) {
    rates[name] = (await measureRestarts(mode, size, options))['restarts/s'] ?? NaN
  }
  return rates
}

async function measureStorm(mode: Mode, { children }: Size): Promise<Sample> {
  const { app, refs, starts } = await openStatic(mode, 'one_for_one', children)
  const victims = [...refs]
  const sample = await restartAtOnce(starts, children, () => {
    for (const victim of victims) victim.send(CRASH)
  })
  await app.stop()
  return sample
}

async function measureGroup(mode: Mode, { children }: Size): Promise<Sample> {
  const { app, refs, starts } = await openStatic(mode, 'one_for_all', children)
  const sample = await restartAtOnce(starts, children, () => refs[0]?.send(CRASH))
  await app.stop()
  return sample
}

/** The order changes from repetition to repetition. */
async function measureSend(mode: Mode, { operations }: Size): Promise<Sample> {
  const app = await openDynamic(mode)
  const supervised = await app.startChild()
  if (supervised === undefined) throw new Error('no child to send to')
  const alone = createActor(counter).start()
  const contenders: [string, AnyActorRef][] = [
    ['messages/s', supervised],
    ['alone', alone],
  ]
  if (turn++ % 2 === 1) contenders.reverse()
  collectGarbage()
  const rates = contenders.map(([name, ref]) => {
    const begun = performance.now()
    for (let sent = 0; sent < operations; sent++) ref.send(COUNT)
    return [name, perSecond(operations, performance.now() - begun)]
  })
  alone.stop()
  await app.stop()
  return Object.fromEntries(rates) as Sample
}

async function measureMemory(mode: Mode, { children }: Size): Promise<Sample> {
  const app = await openDynamic(mode)
  const before = await heapUsed()
  await startAll(app, children)
  const bytes = ((await heapUsed()) - before) / children
  await app.stop()
  return { bytes }
}

async function measureMemoryStatic(mode: Mode, { children }: Size): Promise<Sample> {
  const app = createSupervisor(common(mode))
  await app.start()
  const before = await heapUsed()
  await Promise.all(Array.from({ length: children }, (_, index) => app.startChild(specOf(_, index))))
  const bytes = ((await heapUsed()) - before) / children
  await app.stop()
  return { bytes }
}

const mode = (Object.keys(OPTIONS) as Mode[]).find((each) => process.argv.includes(`--${each}`)) ?? 'default'

await contend({
  start: (size) => measureStart(mode, size),
  startAwaited: (size) => measureStartAwaited(mode, size),
  stop: (size) => measureStop(mode, size),
  restarts: (size) => measureRestarts(mode, size),
  journal: (size) => measureJournal(mode, size),
  restartCost: (size) => restartCost((each) => measureRestarts(mode, each), size),
  storm: (size) => measureStorm(mode, size),
  group: (size) => measureGroup(mode, size),
  send: (size) => measureSend(mode, size),
  memory: (size) => measureMemory(mode, size),
  memoryStatic: (size) => measureMemoryStatic(mode, size),
})
