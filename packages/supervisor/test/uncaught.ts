// Imported by tests of which none may leave an uncaught error behind.
import { afterEach, beforeEach, expect } from '@jest/globals'

/** Uncaught errors, which would have ended the process. */
const uncaught: unknown[] = []
const note = (error: unknown): void => {
  uncaught.push(error)
}

beforeEach(() => {
  uncaught.length = 0
  process.on('uncaughtException', note)
  process.on('unhandledRejection', note)
})

afterEach(() => {
  process.off('uncaughtException', note)
  process.off('unhandledRejection', note)
  expect(uncaught).toEqual([])
})
