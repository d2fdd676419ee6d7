// The suite `inspector`: its rows are there, and numbers.
import { expect, test } from '@jest/globals'
import { inspector } from './suite.ts'

test('each way to inspect an application is a row beside the application without an inspector', async () => {
  const context = { seed: 1, quick: true, python: '', signal: new AbortController().signal, log: () => undefined }
  const figures = await inspector.run(context)
  expect(figures.map(({ name, target }) => [name, target])).toEqual([
    ['an order, no inspector', null],
    ['an order, an inspector that does nothing', null],
    ['an order, watch(), no page', { atMost: 1.05 }],
    ['an order, inspect, no page', null],
    ['an order, watch(), a page', { atMost: 2 }],
    ['an order, inspect, a page', { atMost: 2 }],
    ['a light, no inspector', null],
    ['a light, an inspector that does nothing', null],
    ['a light, watch(), no page', { atMost: 1.05 }],
    ['a light, inspect, no page', null],
    ['a light, watch(), a page', { atMost: 2 }],
    ['a light, inspect, a page', { atMost: 2 }],
  ])
  for (const { value } of figures) expect(value).toBeGreaterThan(0)
})
