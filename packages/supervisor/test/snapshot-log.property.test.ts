// Which snapshot is stable, against a model that keeps all snapshots.
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { SnapshotLog, type ResumePoint } from '../src/policy/snapshot-log.ts'
import '../../../test/support/no-stacks.mjs'

const point = (id: number): ResumePoint => ({
  snapshot: { status: 'active', output: id, error: undefined } as never,
  delayed: [],
})
const idOf = (found: ResumePoint | undefined): number | undefined =>
  found && (found.snapshot as unknown as { readonly output: number }).output

const gaps = fc.array(fc.nat({ max: 30 }), { maxLength: 40 })

test('the stable snapshot is old enough, and older than it has to be by an eighth at most', () => {
  fc.assert(
    fc.property(gaps, fc.integer({ min: 1, max: 100 }), fc.nat({ max: 40 }), (steps, stableAfter, late) => {
      const log = new SnapshotLog(undefined)
      const taken: number[] = []
      let now = 0
      for (const [id, gap] of steps.entries()) {
        now += gap
        log.take(point(id), now, stableAfter, 0)
        taken.push(now)
      }
      now += late
      const ages = taken.map((at) => now - at)
      const found = idOf(log.stable(now, stableAfter, 0))
      const newest = ages.findLast((age) => age >= stableAfter)
      if (newest === undefined || found === undefined) expect([newest, found]).toEqual([undefined, undefined])
      else {
        expect(ages[found]).toBeGreaterThanOrEqual(stableAfter)
        expect(ages[found]).toBeLessThanOrEqual(newest + stableAfter / 8)
      }
      expect(idOf(log.last)).toBe(taken.length === 0 ? undefined : taken.length - 1)
    }),
  )
})

test('time counts from when the child was ready, and a child that never was ready has no stable snapshot', () => {
  const log = new SnapshotLog(undefined)
  log.take(point(1), 0, 10, undefined)
  expect(idOf(log.stable(100, 10, undefined))).toBeUndefined()
  expect(idOf(log.stable(100, 10, 91))).toBeUndefined()
  expect(idOf(log.stable(101, 10, 91))).toBe(1)
})

test('what a life begins from is stable until there is something newer', () => {
  const log = new SnapshotLog(point(0))
  log.take(point(1), 5, 10, 0)
  expect([log.stable(14, 10, 0), log.stable(15, 10, 0)].map(idOf)).toEqual([0, 1])
})
