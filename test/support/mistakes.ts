// What an INVALID_ARGUMENT error says of wrong options: all mistakes at once, each in the message too.
import { expect } from '@jest/globals'
import type { TerrariumError } from '@terrarium/supervisor'

/** The mistakes that an error names. Fails if it is no INVALID_ARGUMENT, or if its message leaves a mistake out. */
export function mistakesIn(error: unknown): readonly string[] {
  const { code, message, details } = error as TerrariumError
  expect(code).toBe('INVALID_ARGUMENT')
  const mistakes = details.mistakes as readonly string[]
  for (const mistake of mistakes) expect(message).toContain(mistake)
  return mistakes
}

/** The mistakes for which a use of the API was refused. Fails if it was not. */
export async function mistakesOf(use: () => unknown): Promise<readonly string[]> {
  try {
    await use()
  } catch (error) {
    return mistakesIn(error)
  }
  throw new Error('nothing was refused')
}
