// What tests of the exported suites share: what a suite complains of.
import { expect } from '@jest/globals'
import type { TestFunction } from '@terrarium/supervisor/testing'

/**
 * A runner of our own, which is not Jest: runs the suite, or of it the test of this name, and returns what its failed
 * tests have said, by name.
 */
export async function complaints(
  suite: (test: TestFunction) => void,
  only?: string,
): Promise<ReadonlyMap<string, string>> {
  const bodies = new Map<string, () => void | Promise<void>>()
  suite((name, body) => {
    if (only === undefined || name === only) bodies.set(name, body)
  })
  expect(bodies.size).toBeGreaterThan(0)
  const said = new Map<string, string>()
  for (const [name, body] of bodies) {
    try {
      await body()
    } catch (error) {
      expect(error).toBeInstanceOf(Error)
      said.set(name, (error as Error).message)
    }
  }
  return said
}
