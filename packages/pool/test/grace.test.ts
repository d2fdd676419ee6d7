import { expect, test } from '@jest/globals'
import { KeepAlive, VirtualClock, type TerrariumError } from '@terrarium/supervisor/base'
import type { Session, Settle, WorkerRef } from '@terrarium/worker'
import { Dispatcher } from '../src/dispatcher.ts'
import { Slot } from '../src/slot.ts'

// How long a worker may keep a call that was stopped. The worker is the test: each answer comes when it is told to.

const GRACE = 100

function stand() {
  const clock = new VirtualClock()
  const slot = new Slot('worker-1')
  const answers: Settle[] = []
  const killed: string[] = []
  const session = {
    closed: false,
    begun: 0,
    call: (_tool: string, _args: Buffer, _timeout: number, settle: Settle) => answers.push(settle),
    cancel: () => undefined,
    abandon: () => undefined,
  }
  const tell = ({ error }: { error: TerrariumError }): void => void killed.push(error.message)
  slot.ref = { send: tell } as unknown as WorkerRef
  const tools = ['first', 'second'].map((name) => ({ name, isAsync: false, summary: '' }))
  slot.opened(session as unknown as Session, 4711, tools)
  const dispatcher = new Dispatcher({
    pool: 'p',
    slots: [slot],
    clock,
    keepAlive: new KeepAlive(),
    concurrency: 2,
    queueLimit: 10,
    maxDeaths: 3,
    cancelGrace: GRACE,
    onRetry: () => undefined,
  })
  const call = (tool: string, timeout?: number): string[] => {
    const outcome: string[] = []
    const request = { tool, args: Buffer.alloc(0), timeout, idempotent: false, signal: undefined }
    const settled = {
      resolve: () => void outcome.push('value'),
      reject: ({ code }: TerrariumError) => void outcome.push(code),
    }
    dispatcher.accept(request, undefined, settled)
    return outcome
  }
  return { clock, call, answers, killed }
}

test('C5: a call that was stopped behind one with time left has its whole grace from the end of that one', async () => {
  const { clock, call, answers, killed } = stand()
  const first = call('first')
  const second = call('second', 1_000)
  await clock.advance(1_000)
  expect(second).toEqual(['DEADLINE_EXCEEDED'])
  await clock.advance(GRACE - 1)
  answers[0]?.({ value: 1 })
  expect(first).toEqual(['value'])
  await clock.advance(GRACE - 1)
  expect(killed).toEqual([]) // it may be just about to answer
  await clock.advance(1)
  expect(killed).toEqual(['worker p/worker-1 was killed: second went on after it was stopped'])
})

test('C5: a call that was stopped with none before it has its grace once', async () => {
  const { clock, call, killed } = stand()
  call('first', 1_000)
  await clock.advance(1_000 + GRACE - 1)
  expect(killed).toEqual([])
  await clock.advance(1)
  expect(killed).toHaveLength(1)
})
