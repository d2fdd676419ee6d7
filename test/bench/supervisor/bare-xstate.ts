// The contender `bare XState`: actors in a parent's map, without supervision.
import { createActor, type Actor, type AnyActorRef } from 'xstate'
import { breathe, collectGarbage, contend, heapUsed, perSecond } from './contender.ts'
import { counter, CRASH } from './counter.ts'
import { naiveParent } from './naive-parent.ts'
import { restartAtOnce, restartCost, restartInTurns, Starts } from './restarts.ts'
import type { Sample, Size } from './trial.ts'

function open(options: { groups?: boolean } = {}) {
  const refs: AnyActorRef[] = []
  const starts = new Starts()
  const parent = createActor(
    naiveParent((id, ref) => {
      refs[Number(id)] = ref
      starts.count()
    }, options),
  ).start()
  return { parent, refs, starts }
}

async function openWith(children: number, options: { groups?: boolean } = {}) {
  const opened = open(options)
  for (let index = 0; index < children; index++) opened.parent.send({ type: 'start', id: String(index) })
  await breathe()
  return opened
}

async function measureStart({ children }: Size): Promise<Sample> {
  const { parent, starts } = open()
  collectGarbage()
  const begun = performance.now()
  for (let index = 0; index < children; index++) parent.send({ type: 'start', id: String(index) })
  await starts.until(children)
  const ms = performance.now() - begun
  parent.stop()
  return { 'children/s': perSecond(children, ms) }
}

function measureStartAlone({ children }: Size): Promise<Sample> {
  const kept: Actor<typeof counter>[] = []
  collectGarbage()
  const begun = performance.now()
  for (let index = 0; index < children; index++) kept.push(createActor(counter).start())
  const ms = performance.now() - begun
  for (const actor of kept) actor.stop()
  return Promise.resolve({ 'children/s': perSecond(children, ms) })
}

async function measureStop({ children }: Size): Promise<Sample> {
  const { parent } = await openWith(children)
  collectGarbage()
  const begun = performance.now()
  parent.stop()
  return { ms: performance.now() - begun }
}

async function measureRestarts(size: Size): Promise<Sample> {
  const { parent, refs, starts } = await openWith(size.children)
  const sample = await restartInTurns(starts, size, (child) => refs[child]?.send(CRASH))
  parent.stop()
  return sample
}

async function measureStorm({ children }: Size): Promise<Sample> {
  const { parent, refs, starts } = await openWith(children)
  const victims = [...refs]
  const sample = await restartAtOnce(starts, children, () => {
    for (const victim of victims) victim.send(CRASH)
  })
  parent.stop()
  return sample
}

async function measureGroup({ children }: Size): Promise<Sample> {
  const { parent, refs, starts } = await openWith(children, { groups: true })
  const sample = await restartAtOnce(starts, children, () => refs[0]?.send(CRASH))
  parent.stop()
  return sample
}

/** Only the parent's map knows the children. */
async function measureMemory({ children }: Size): Promise<Sample> {
  const parent = createActor(naiveParent(() => undefined)).start()
  const before = await heapUsed()
  for (let index = 0; index < children; index++) parent.send({ type: 'start', id: `counter:${index}` })
  const bytes = ((await heapUsed()) - before) / children
  parent.stop()
  return { bytes }
}

await contend({
  start: measureStart,
  startAlone: measureStartAlone,
  stop: measureStop,
  restarts: measureRestarts,
  restartCost: (size) => restartCost(measureRestarts, size),
  storm: measureStorm,
  group: measureGroup,
  memory: measureMemory,
})
