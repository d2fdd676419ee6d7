import { readdirSync, readFileSync } from 'node:fs'

/** The processes that have `NAME=value` in their environment, by scanning the system. */
export function processesWith(variable: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(variable)
      } catch {
        return false // it is gone, or another user's
      }
    })
    .map(Number)
}
