// The suite `wire`. Each contender is measured in a Node process of its own, and the contenders of a row take turns: a
// program has one bridge to Python, whose code V8 has compiled for what that program does with it.
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Figure } from '../figure.ts'
import type { Suite } from '../suite.ts'
import { prepareBefore } from './before.ts'
import { runStage } from './stage.ts'
import { stages } from './stages.ts'

/** Measures calls beside the least that they could cost, beside other bridges, and beside Terrarium as it was. */
export const wire: Suite = {
  name: 'wire',
  description: 'pool.call beside a raw Unix socket, unary gRPC, python-shell, pythonia, and Terrarium before the lane',
  needsWorkers: true,
  run: async ({ python, seed, quick, signal, log }) => {
    const before = await prepareBefore({ quick, signal, log })
    const directory = await mkdtemp(join(tmpdir(), 'terrarium-bench-'))
    try {
      const figures: Figure[] = []
      for (const stage of stages) {
        const own = join(directory, stage.name)
        await mkdir(own)
        figures.push(...(await runStage(stage, { python, directory: own, seed, quick, before }, signal)))
      }
      return figures
    } finally {
      await rm(directory, { recursive: true })
    }
  },
}
