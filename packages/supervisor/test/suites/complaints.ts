// Runs a conformance suite with a runner of its own, and says which of its tests fail.
import { expect } from '@jest/globals'
import type { TestFunction } from '@terrarium/supervisor/testing'

/** A runner of our own, which is not Jest: runs the suite and returns what its failed tests have said, by name. */
export async function complaints(suite: (test: TestFunction) => void): Promise<ReadonlyMap<string, string>> {
  const bodies = new Map<string, () => void | Promise<void>>()
  suite((name, body) => bodies.set(name, body))
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
