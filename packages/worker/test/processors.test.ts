import { availableParallelism } from 'node:os'
import { expect, test } from '@jest/globals'
import { addWorker, areProcessorsFree } from '../src/processors.ts'

test('processors are free while this process has fewer workers than processors', () => {
  expect(areProcessorsFree()).toBe(true)
  const removals = Array.from({ length: availableParallelism() - 1 }, addWorker)
  expect(areProcessorsFree()).toBe(true)
  const remove = addWorker()
  expect(areProcessorsFree()).toBe(false)
  remove()
  expect(areProcessorsFree()).toBe(true)
  for (const each of removals) each()
})
