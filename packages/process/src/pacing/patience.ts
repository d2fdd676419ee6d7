import { patientTimeout, ReferencedClock, systemClock } from '@terrarium/supervisor'

const background = new ReferencedClock(systemClock)
background.unref()

/** Resolves after so many ms in which this host was at work. What is waited for keeps the process alive, not the wait. */
export function patience(ms: number): Promise<undefined> {
  return new Promise((resolve) => {
    patientTimeout(
      background,
      () => {
        resolve(undefined)
      },
      ms,
    )
  })
}
