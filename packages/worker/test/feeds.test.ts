// The feeds of a session without a socket: credits, the end of sources, and what a worker may not say of them.
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { TerrariumError } from '@terrarium/supervisor/base'
import { FeedSource } from '../src/feed-source.ts'
import { Feeds } from '../src/feeds.ts'
import { ITEM_OVERHEAD, STREAM_WINDOW, type FeedEndFrame, type FeedFrame } from '../src/frame.ts'
import { PLAIN } from '../src/values/codec.ts'
import { sizeOf } from '../src/values/encoded-value.ts'
import { turn } from '../../../test/support/waiting.ts'

/** A source that gives an item when it is told to, and knows how often it was asked and closed. */
class Source implements AsyncIterableIterator<unknown> {
  asked = 0
  closed = 0
  #pending: { resolve: (next: IteratorResult<unknown>) => void; reject: (error: unknown) => void } | undefined;

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<unknown>> {
    this.asked += 1
    return new Promise((resolve, reject) => (this.#pending = { resolve, reject }))
  }

  return(): Promise<IteratorResult<unknown>> {
    this.closed += 1
    return Promise.resolve({ done: true, value: undefined })
  }

  get isAsked(): boolean {
    return this.#pending !== undefined
  }

  give(next: IteratorResult<unknown>): void {
    this.#pending?.resolve(next)
    this.#pending = undefined
  }

  fail(error: unknown): void {
    this.#pending?.reject(error)
    this.#pending = undefined
  }
}

interface Bench {
  readonly feeds: Feeds
  readonly sent: (FeedFrame | FeedEndFrame)[]
  readonly sources: readonly Source[]
  readonly owned: readonly FeedSource[]
}

function bench(count = 1): Bench {
  const sent: (FeedFrame | FeedEndFrame)[] = []
  const feeds = new Feeds((frame) => sent.push(frame))
  const sources = Array.from({ length: count }, () => new Source())
  const owned = sources.map((source) => new FeedSource(source, (item) => PLAIN.encode(item, 'an item')))
  feeds.add(1, owned)
  return { feeds, sent, sources, owned }
}

const want = (feeds: Feeds, bytes: number, feed = 0): void => {
  feeds.want({ kind: 'want', id: 1, feed, bytes })
}

test('a Want for a feed that the call does not have is a protocol error', () => {
  const { feeds } = bench()
  expect(() => {
    want(feeds, 1, 1)
  }).toThrow('a Want for feed 1 of call 1, which it does not have')
})

test('a source is untouched before the first Want, and afterwards closed by a Want of 0', async () => {
  const { feeds, sources, sent } = bench(2)
  expect(feeds.isTouched(1)).toBe(false)
  want(feeds, 0, 1)
  await turn()
  expect(feeds.isTouched(1)).toBe(true)
  expect(sources).toMatchObject([
    { asked: 0, closed: 0 },
    { asked: 0, closed: 1 },
  ])
  want(feeds, 100, 1)
  await turn()
  expect([sources[1]?.asked, sent]).toEqual([0, []])
})

test('an item that arrives after the answer is dropped, and so is an error', async () => {
  for (const last of ['give', 'fail'] as const) {
    const { feeds, sources, sent } = bench()
    want(feeds, 100)
    await turn()
    feeds.end(1)
    if (last === 'give') sources[0]?.give({ done: false, value: 1 })
    else sources[0]?.fail(new Error('late'))
    await turn()
    expect([sent, feeds.size]).toEqual([[], 0])
  }
})

test('a source that was closed for another reason is no end of the stream', async () => {
  const { feeds, sources, sent, owned } = bench()
  want(feeds, 100)
  await turn()
  owned[0]?.close()
  sources[0]?.give({ done: true, value: undefined })
  await turn()
  const failure = { type: 'Error', message: 'the call is over' }
  expect(sent).toEqual([{ kind: 'feedEnd', id: 1, feed: 0, failure }])
  expect(sources[0]?.closed).toBe(1)
})

test('the failure of a call has the error of its feed as the cause, if that is what was let through', async () => {
  const { feeds, sources } = bench(2)
  const [one, other] = [new Error('one'), new Error('other')]
  want(feeds, 100, 0)
  want(feeds, 100, 1)
  await turn()
  sources[0]?.fail(one)
  sources[1]?.fail(other)
  await turn()
  const failure = (type: string, feed?: number): TerrariumError =>
    new TerrariumError('PYTHON_ERROR', 'x', { details: { type, attributes: { feed } } })
  expect(feeds.explain(1, failure('terrarium.FeedError', 1))).toMatchObject({ code: 'PYTHON_ERROR', cause: other })
  expect(feeds.explain(1, failure('terrarium.FeedError', 0))).toMatchObject({ cause: one })
  for (const other of [failure('terrarium.FeedError'), failure('terrarium.FeedError', 7), failure('ValueError', 0)]) {
    expect(feeds.explain(1, other)).toBe(other)
  }
})

test('whatever happens: never ahead of the credit by more than an item, every source closed once, nothing after the end', async () => {
  let events = 0
  const aStep = fc.tuple(
    fc.constantFrom('want', 'want', 'give', 'give', 'give', 'give', 'fail', 'end', 'stop'),
    fc.nat(2),
    fc.nat(9),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(aStep, { minLength: 20, maxLength: 200, size: 'max' }), async (story) => {
      const { feeds, sent, sources, owned } = bench(3)
      const credit = [0, 0, 0]
      const stopped = new Set<number>()
      const finished = new Set<number>()
      let seen = 0
      for (const [what, feed, n] of story) {
        events += 1
        const source = sources[feed] as Source
        if (what === 'want') {
          const bytes = n === 0 ? STREAM_WINDOW : 20 * n
          credit[feed] = (credit[feed] ?? 0) + bytes
          want(feeds, bytes, feed)
        } else if (what === 'give') source.give({ done: false, value: 'x'.repeat(10 * n) })
        else if (what === 'fail' && n === 0) source.fail(new Error('no'))
        else if (what === 'end' && n === 0) source.give({ done: true, value: undefined })
        else if (what === 'stop' && n === 0) {
          stopped.add(feed)
          want(feeds, 0, feed)
        }
        await turn()
        for (; seen < sent.length; seen++) {
          const frame = sent[seen] as FeedFrame | FeedEndFrame
          expect([stopped.has(frame.feed), finished.has(frame.feed)]).toEqual([false, false])
          if (frame.kind === 'feedEnd') finished.add(frame.feed)
          else {
            expect(credit[frame.feed]).toBeGreaterThan(0)
            credit[frame.feed] = (credit[frame.feed] ?? 0) - sizeOf(frame.value) - ITEM_OVERHEAD
          }
        }
        sources.forEach((each, index) => {
          const isOpen = !stopped.has(index) && !finished.has(index)
          if (isOpen) expect(each.isAsked).toBe((credit[index] ?? 0) > 0)
        })
      }
      feeds.end(1)
      for (const each of owned) each.close()
      await turn()
      for (const [index, { closed }] of sources.entries()) {
        const failed = sent.some(
          (frame) => frame.kind === 'feedEnd' && frame.feed === index && frame.failure !== undefined,
        )
        const isOver = finished.has(index) && !failed
        expect(closed).toBe(isOver ? 0 : 1)
      }
    }),
    { numRuns: 300 },
  )
  expect(events).toBeGreaterThan(20_000)
})
