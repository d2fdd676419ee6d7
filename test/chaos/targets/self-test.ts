// The target `self-test`: proves that the chaos notices a failure.
import { spawn } from 'node:child_process'
import { Decoys } from '../decoys.ts'
import type { Target } from '../target.ts'
import { killAll, strangers, until } from '../world.ts'

/**
 * Breaks every promise, to see that it is noticed: leaves a process behind, kills an innocent, and fails in the third
 * round. Run only if it is named.
 */
export const selfTest: Target = {
  name: 'self-test',
  promise: 'the chaos notices each kind of failure',
  rounds: 1,
  byLevel: false,
  onlyOnDemand: true,
  async run(context) {
    await context.play(async (number) => {
      if (number === 2) throw new Error('this round fails on purpose')
      const decoys = new Decoys(context.python)
      spawn('sleep', ['3600'], { stdio: 'ignore', detached: true }).unref()
      await until('it runs', () => strangers(new Set(decoys.pids)).length === 1)
      killAll(decoys.pids.slice(0, 1))
      await until('it is gone', () => strangers(new Set()).length === decoys.pids.length)
      const left = strangers(new Set(decoys.pids))
      const ended = await decoys.dead()
      context.count(number, { orphans: left.length, innocents: ended.length }, JSON.stringify({ left, ended }))
      killAll(left.map(({ pid }) => pid))
      await decoys.end({ all: true })
    })
  },
}
