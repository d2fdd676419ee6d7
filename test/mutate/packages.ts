// Mutations of the packages below the pool: rules that the READMEs promise, and that no test once noticed (F8).
import type { Mutation, Tests } from './mutation.ts'

const rules = (name: string): Tests => ({ project: 'process', path: 'packages/process/test/rules.test.ts', name })
const healing = (name: string): Tests => ({ project: 'integration', path: 'test/integration/healing.test.ts', name })
const poolRules = (name: string): Tests => ({ project: 'pool', path: 'packages/pool/test/rules.test.ts', name })

const WATCH = 'packages/process/src/environment-watch.ts'

export const PACKAGES: readonly Mutation[] = [
  {
    breaks: 'F8: a reservation is on disk before its process is started',
    file: 'packages/process/src/log/log.ts',
    find: 'batch.write({ sync })',
    replace: 'batch.write({ sync: false })',
    tests: [rules('on disk before')],
  },
  {
    breaks: 'a log that is written again is on disk before a process is started',
    file: 'packages/process/src/log/log.ts',
    find: 'batch.write({ sync: true })',
    replace: 'batch.write({ sync: false })',
    tests: [rules('to be written again')],
  },
  {
    breaks: 'F8: the reaper looks twice',
    file: 'packages/process/src/sweep/reaper.ts',
    find: 'const EMPTY_PASSES = 2',
    replace: 'const EMPTY_PASSES = 1',
    tests: [rules('scan')],
  },
  {
    breaks: 'F8: the sweep looks twice',
    file: 'packages/process/src/sweep/sweep.ts',
    find: 'const EMPTY_PASSES = 2',
    replace: 'const EMPTY_PASSES = 1',
    tests: [rules('sweep')],
  },
  {
    breaks: 'F8: only this user can enter the state directory',
    file: 'packages/process/src/state-directory.ts',
    find: 'chmodSync(path, 0o700)',
    replace: 'chmodSync(path, 0o755)',
    tests: [rules('umask')],
  },
  {
    breaks: 'F8: SIGKILL goes to the whole group',
    file: 'python/src/terrarium_shepherd/spawn.py',
    find: 'os.killpg(self.pid, number)',
    replace: 'os.kill(self.pid, number)',
    tests: [rules('whole group')],
  },
  {
    breaks: 'F8: a process exits with its host though its lifeline stays open',
    file: 'python/src/terrarium_shepherd/arm.py',
    find: '.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)',
    replace: '.getpid()',
    tests: [{ pytest: 'test_arm.py' }],
  },
  {
    breaks: 'F8: the watch of the environment waits until a change has settled',
    file: WATCH,
    find: '(now !== this.#tried && settled) || due',
    replace: 'now !== this.#tried || due',
    tests: [healing('environment watch waits'), poolRules('while the watch paths of a parked pool change')],
  },
  {
    breaks: 'F8: a parked pool is tried again though nothing has changed',
    file: WATCH,
    find: '(now !== this.#tried && settled) || due',
    replace: 'now !== this.#tried && settled',
    tests: [poolRules('after 30 s')],
  },
  {
    breaks: 'F8: what the boot report says counts, although the exit comes first',
    file: 'packages/worker/src/session-port.ts',
    find: 'Promise.all([this.#report?.ended, this.#printed, this.#lastAnswers()])',
    replace: 'Promise.all([this.#printed, this.#lastAnswers()])',
    tests: [{ project: 'worker', path: 'packages/worker/test/rules.test.ts', name: 'boot report' }],
  },
]
