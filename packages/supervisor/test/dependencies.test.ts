// dependsOn: start order, the strategy dependents, and its mistakes.
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { ChildSpec } from '@terrarium/supervisor'
import { inDependencyOrder } from '../src/spec/dependencies.ts'
import { bench, child, refusal, started, type Bench } from './support.ts'

const needs = (id: string, ...dependsOn: string[]): ChildSpec => child(id, { dependsOn })
const moves = (it: Bench): string[] => it.take('child.exit', 'child.start').map((move) => move.replace('child.', ''))
const ids = (it: Bench): string => it.app.children.map(({ id }) => id).join(' ')

function mistakes(...children: unknown[]): unknown {
  try {
    bench({ children: children as ChildSpec[] })
  } catch (error) {
    return (error as { details: { mistakes: unknown } }).details.mistakes
  }
  return []
}

test('children are started behind the children that they need, and stopped before them', async () => {
  const it = bench({
    children: [needs('web', 'api'), child('log'), needs('api', 'db', 'queue'), child('db'), child('queue')],
  })
  await it.app.start()
  expect(moves(it)).toEqual(['start db', 'start queue', 'start api', 'start web', 'start log'])
  await it.app.stop()
  expect(moves(it)).toEqual(['exit log', 'exit web', 'exit api', 'exit queue', 'exit db'])
})

test.each(['default', 'otp'] as const)(
  'dependents in mode %s restarts the failed child and what needs it',
  async (mode) => {
    const children = [
      child('db'),
      child('queue'),
      needs('api', 'db'),
      needs('mail', 'queue'),
      needs('web', 'api', 'mail'),
    ]
    const it = await started({ strategy: 'dependents', mode, intensity: 5, children })
    await it.crash('db')
    expect(moves(it)).toEqual(['exit db', 'exit web', 'exit api', 'start db', 'start api', 'start web'])
    await it.clock.advance(10)
    await it.crash('web')
    await it.clock.advance(1_000)
    expect(moves(it)).toEqual(['exit web', 'start web'])
    await it.app.stop()
  },
)

test('startChild() puts a child behind the children that it needs; others may come to need it later', async () => {
  const it = await started({ strategy: 'dependents', children: [child('a'), needs('b', 'a')] })
  await it.app.startChild(needs('c', 'b'))
  await it.crash('a')
  expect(moves(it)).toEqual(['start c', 'exit a', 'exit c', 'exit b', 'start a', 'start b', 'start c'])
  expect(await refusal(it.app.startChild(needs('d', 'x')))).toBe('invalid_depends_on')
  await it.app.stop()
})

test('reconfigure() changes the order; a child that is deleted and added again comes before the children that need it', async () => {
  const it = await started({ strategy: 'dependents', children: [child('a'), child('b'), child('c')] })
  await it.app.reconfigure(needs('a', 'c'))
  expect(ids(it)).toBe('c a b')
  await expect(it.app.reconfigure(needs('c', 'a'))).rejects.toThrow('children depend on each other in a circle: ')
  await it.app.terminateChild('c')
  await it.app.deleteChild('c')
  expect(ids(it)).toBe('a b')
  await it.app.startChild(child('c'))
  expect(ids(it)).toBe('c a b')
  moves(it)
  await it.crash('c')
  expect(moves(it)).toEqual(['exit c', 'exit a', 'start c', 'start a'])
  await it.app.stop()
})

test('every mistake is named', () => {
  expect(mistakes(needs('a', 'x', 'a', 'b', 'b'), needs('b', 'a'), child('c', { dependsOn: 'a' as never }))).toEqual([
    "children[0].dependsOn names the child itself, 'a'",
    "children[0].dependsOn names 'b' more than once",
    "children[2].dependsOn must be an array of ids, not 'a'",
    "children[0].dependsOn names 'x', and there is no such child",
    'children depend on each other in a circle: a needs b needs a',
  ])
  expect(mistakes(needs('a', 'b'), needs('b', 'c'), needs('c', 'a'), needs('d', 'e'), needs('e', 'd'))).toEqual([
    'children depend on each other in a circle: a needs b needs c needs a',
    'children depend on each other in a circle: d needs e needs d',
  ])
  expect(mistakes(child('a', { dependsOn: [7, ''] as never }))).toEqual([
    'children[0].dependsOn must be an array of ids, not an array',
  ])
})

test('a template has no dependencies', () => {
  expect(() => bench({ strategy: 'simple_one_for_one', children: [needs('a', 'b')] })).toThrow(
    'dependsOn is not for strategy simple_one_for_one, whose children are all alike',
  )
})

describe('inDependencyOrder', () => {
  const aGraph = fc
    .array(fc.array(fc.nat(9), { maxLength: 4 }), { maxLength: 10 })
    .map((edges) => edges.map((to, index) => ({ id: `${index}`, dependsOn: to.map(String) })))

  test('keeps all children, and each comes behind those it needs unless they are on a circle', () => {
    fc.assert(
      fc.property(aGraph, (children) => {
        const { order, cycles } = inDependencyOrder(children)
        expect([...order].sort((one, other) => Number(one.id) - Number(other.id))).toEqual(children)
        for (const cycle of cycles) {
          for (const [index, id] of cycle.entries()) {
            const next = cycle[(index + 1) % cycle.length]
            expect(children[Number(id)]?.dependsOn).toContain(next)
          }
        }
        if (cycles.length > 0) return
        const place = new Map(order.map(({ id }, index) => [id, index]))
        for (const { id, dependsOn } of children) {
          for (const used of dependsOn)
            if (used !== id && place.has(used)) expect(place.get(used)).toBeLessThan(place.get(id) ?? -1)
        }
      }),
    )
  })

  test('leaves an order that is right as it is', () => {
    fc.assert(
      fc.property(aGraph, (children) => {
        const right = children.map(({ id, dependsOn }) => ({
          id,
          dependsOn: dependsOn.filter((used) => Number(used) < Number(id)),
        }))
        expect(inDependencyOrder(right)).toEqual({ order: right, cycles: [] })
      }),
    )
  })

  test('takes a chain of 100,000', () => {
    const chain = Array.from({ length: 100_000 }, (_, index) => ({ id: `${index}`, dependsOn: [`${index + 1}`] }))
    expect(inDependencyOrder(chain).order[0]?.id).toBe('99999')
  })
})
