// A registration for processes that are launched without a runtime: it writes nothing to disk.
import type { LaunchRequest } from '../src/shepherd/launch.ts'

export function registrationOf(spawn: string): Pick<LaunchRequest, 'spawn' | 'registration'> {
  const facts = { bootId: '', installation: 'none', run: 'none', spawn }
  return {
    spawn,
    registration: {
      identify: (pid, startTicks) => ({ pid, startTicks, ...facts }),
      released: Promise.resolve(),
      note: () => Promise.resolve(),
    },
  }
}
