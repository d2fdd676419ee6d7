import { fileURLToPath } from 'node:url'
import { expect, test } from '@jest/globals'
import type { Mutation } from './mutation.ts'
import { faultsOf, MUTATIONS } from './mutations.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

test('every mutation can be planted in exactly one place, and names tests that exist', () => {
  expect(MUTATIONS.flatMap((mutation) => faultsOf(root, mutation))).toEqual([])
})

test('a mutation whose source, text, tests or name of a test has moved is reported', () => {
  const good = MUTATIONS.find(({ tests }) => tests[0]?.name !== undefined) as Mutation
  const [tests] = good.tests
  const faults = [
    { ...good, file: 'packages/moved.ts' },
    { ...good, find: 'no such text' },
    { ...good, find: ' ' },
    { ...good, tests: [{ project: 'pool', path: 'packages/pool/test/moved.test.ts' }] },
    { ...good, tests: [{ ...tests, name: 'no such test' } as Mutation['tests'][number]] },
  ].map((mutation) => faultsOf(root, mutation).length)
  expect(faults).toEqual([1, 1, 1, 1, 1])
})
