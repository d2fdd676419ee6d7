// What tests of restart strategies share: a supervisor that has started.
import type { SupervisorOptions } from '@terrarium/supervisor'
import { bench, child, idle, type Bench } from './support.ts'

export async function started(options: Partial<SupervisorOptions>, ...ids: string[]): Promise<Bench> {
  const it = bench({ children: ids.map((id) => child(id)), ...options })
  await it.app.start()
  await it.clock.advance(10)
  it.take()
  return it
}

/** A child that starts once, fails to start a number of times, and then starts again. */
export function flaky(id: string, failures: number): ReturnType<typeof child> {
  let starts = 0
  return child(id, {
    logic: () => {
      starts += 1
      if (starts > 1 && starts <= 1 + failures) throw new Error(`start ${starts}`)
      return idle
    },
  })
}
