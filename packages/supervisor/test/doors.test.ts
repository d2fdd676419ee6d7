// What the two doors of the package export.
import { expect, test } from '@jest/globals'
import * as supervisor from '@terrarium/supervisor'
import * as base from '@terrarium/supervisor/base'

test('the main door exports of the base only what users of a supervisor need', () => {
  const shared = Object.keys(supervisor).filter((name) => Object.hasOwn(base, name))
  expect(shared.sort()).toEqual(['TerrariumError', 'VirtualClock', 'exitWith', 'isTerrariumError', 'systemClock'])
})
