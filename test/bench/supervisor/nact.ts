// The contender nact, another actor library for JavaScript.
import { dispatch, spawn, spawnStateless, start, stop, type SupervisionContext } from 'nact'
import { breathe, collectGarbage, contend, heapUsed, perSecond } from './contender.ts'
import { CRASH, type CounterEvent } from './counter.ts'
import { restartAtOnce, restartInTurns, Starts } from './restarts.ts'
import type { Sample, Size } from './trial.ts'

type Action = 'reset' | 'resetAll'

/** nact restarts an actor by making its state anew, within the actor. */
function open(children: number, onCrash: Action = 'reset') {
  const system = start()
  const parent = spawnStateless(system, () => undefined, 'parent')
  const starts = new Starts()
  const refs: object[] = [] // nact's references have no type that tells them from other objects
  const addChild = (): void => {
    const child = spawn(
      parent,
      (count: number, { type }: CounterEvent) => {
        if (type === 'crash') throw new Error('crashed as it was told to')
        return count + 1
      },
      String(refs.length),
      {
        initialStateFunc: () => {
          starts.count()
          return 0
        },
        onCrash: (_message, _error, context: SupervisionContext<CounterEvent, typeof parent>) => context[onCrash],
      },
    )
    refs.push(child)
  }
  for (let index = 0; index < children; index++) addChild()
  /** Stopping a parent or a system does not reach the children in this version of nact. */
  const close = async (): Promise<void> => {
    for (const ref of refs) stop(ref)
    stop(parent)
    stop(system)
    await breathe()
  }
  return { refs, starts, addChild, close }
}

async function measureStart({ children }: Size): Promise<Sample> {
  const { addChild, close } = open(0)
  collectGarbage()
  const begun = performance.now()
  for (let index = 0; index < children; index++) addChild()
  const ms = performance.now() - begun
  await close()
  return { 'children/s': perSecond(children, ms) }
}

async function measureStop({ children }: Size): Promise<Sample> {
  const { close } = open(children)
  collectGarbage()
  const begun = performance.now()
  await close()
  return { ms: performance.now() - begun }
}

async function measureRestarts(size: Size): Promise<Sample> {
  const { refs, starts, close } = open(size.children)
  const sample = await restartInTurns(starts, size, (child) => {
    dispatch(refs[child] as object, CRASH)
  })
  await close()
  return sample
}

async function measureStorm({ children }: Size): Promise<Sample> {
  const { refs, starts, close } = open(children)
  const sample = await restartAtOnce(starts, children, () => {
    for (const ref of refs) dispatch(ref, CRASH)
  })
  await close()
  return sample
}

async function measureGroup({ children }: Size): Promise<Sample> {
  const { refs, starts, close } = open(children, 'resetAll')
  const sample = await restartAtOnce(starts, children, () => {
    dispatch(refs[0] as object, CRASH)
  })
  await close()
  return sample
}

async function measureMemory({ children }: Size): Promise<Sample> {
  const { addChild, close } = open(0)
  const before = await heapUsed()
  for (let index = 0; index < children; index++) addChild()
  const bytes = ((await heapUsed()) - before) / children
  await close()
  return { bytes }
}

await contend({
  start: measureStart,
  stop: measureStop,
  restarts: measureRestarts,
  storm: measureStorm,
  group: measureGroup,
  memory: measureMemory,
})
