import { expect, test } from '@jest/globals'
import { Actor, fromPromise, fromTransition, waitFor } from 'xstate'
import { testUnless } from '../../../test/support/when.ts'
import { bench, child } from './support.ts'
import './uncaught.ts'

const boom = new Error('boom')

const explode = (): never => {
  throw boom
}

test('corner 12: a listener that throws disturbs neither the tree nor other listeners', async () => {
  const it = bench({ children: [child('a')] })
  const heard: string[] = []
  const printed: unknown[] = []
  const { error } = console
  console.error = (...values: unknown[]): void => {
    printed.push(values)
  }
  it.app.on('child.start', explode)
  it.app.on('child.start', ({ id }) => heard.push(id))
  await it.app.start()
  console.error = error
  expect(heard).toEqual(['a'])
  expect(printed).toEqual([[expect.stringContaining('child.start'), boom]])
  expect(it.state('a')).toBe('running')
  await it.app.stop()
})

test('corner 12: a promise that rejects after its child was stopped is no failure', async () => {
  let reject: (error: Error) => void = () => undefined
  const logic = fromPromise(
    () =>
      new Promise((_, no) => {
        reject = no
      }),
  )
  const it = bench({ children: [child('a', { logic })] })
  await it.app.start()
  await it.app.terminateChild('a')
  reject(boom)
  await it.clock.advance(60_000)
  expect(it.take('child.exit', 'child.restart')).toEqual(['child.exit a'])
  await it.app.stop()
})

test('corner 12: an inspector and observers of a child that throw disturb no actor, and are reported', async () => {
  const printed: unknown[] = []
  const { error } = console
  console.error = (...values: unknown[]): void => {
    printed.push(values[0])
  }
  const it = bench({ inspect: explode, children: [child('a')] })
  await it.app.start()
  it.ref('a').subscribe(explode)
  it.ref('a').subscribe({ next: () => undefined, error: explode, complete: explode })
  it.ref('a').on('*', explode)
  it.app.ref.subscribe(explode)
  it.app.ref.on('child.exit', explode)
  await it.send('a', { type: 'ready' })
  await it.clock.advance(10)
  await it.crash('a')
  await it.clock.advance(0)
  console.error = error
  expect(new Set(printed)).toEqual(
    new Set([
      '[terrarium] the inspector of supervisor app failed:',
      '[terrarium] an observer of actor a failed:',
      '[terrarium] an observer of actor app failed:',
    ]),
  )
  expect(it.app.children).toMatchObject([{ state: 'running', incarnation: 2 }])
  console.error = () => undefined
  await it.app.stop()
  console.error = error
})

test('corner 12: an observer without an error callback gets no error from a timer', async () => {
  const it = bench({ children: [child('a')] })
  await it.app.start()
  const seen: unknown[] = []
  it.ref('a').subscribe((snapshot) => seen.push(snapshot))
  await it.clock.advance(10)
  await it.send('a', { type: 'ready' })
  await it.crash('a')
  await it.clock.advance(1_000)
  expect(seen).toHaveLength(1)
  await it.app.stop()
})

test('actors without observers share one empty set, and an observer hears of no other actor', async () => {
  const echo = fromTransition((count: number, event: { type: string }, { emit }) => {
    emit(event)
    return count + 1
  }, 0)
  const it = bench({ children: ['a', 'b'].map((id) => child(id, { logic: echo })) })
  await it.app.start()
  const heard: string[] = []
  const a = it.ref('a')
  const count = ({ context }: { context: number }): number => context
  a.subscribe(() => heard.push('subscribe'))
  a.on('*', () => heard.push('on'))
  const waited = waitFor(a, (snapshot) => count(snapshot as never) > 0).then(() => heard.push('waitFor'))
  await it.app.startChild(child('c', { logic: echo }))
  await it.send('b', { type: 'ready' })
  await it.send('c', { type: 'ready' })
  expect(heard).toEqual([])
  await it.send('a', { type: 'ready' })
  await waited
  expect(heard.sort()).toEqual(['on', 'subscribe', 'waitFor'])
  await it.app.stop()
})

const testWithSelect = testUnless('select' in Actor.prototype ? undefined : 'this XState has no `select`')

testWithSelect('an observer of a selection hears of its actor only', async () => {
  const logic = fromTransition((count: number) => count + 1, 0)
  const it = bench({ children: ['a', 'b'].map((id) => child(id, { logic })) })
  await it.app.start()
  const heard: unknown[] = []
  const count = ({ context }: { context: number }): number => context
  const selection = it.ref('a').select(count as never)
  selection.subscribe((value) => heard.push(value))
  await it.send('b', { type: 'ready' })
  await it.send('a', { type: 'ready' })
  expect(heard).toEqual([1])
  await it.app.stop()
})
