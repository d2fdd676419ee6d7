// The ways to start a process that are compared: Node's spawn, and a runtime.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import type { Runtime } from '@terrarium/process'

/** A process that has written its first byte. */
export interface Started {
  readonly pid: number
  /** Resolves when the bench learns that the process has exited. */
  readonly exited: Promise<unknown>
  /** Kills it, if it has not ended, and waits until nothing of it is left. */
  end(): Promise<void>
}

/** Starts a program, and resolves when its first byte is here. */
export type Starter = (program: Program) => Promise<Started>

export interface Program {
  readonly command: string
  /** What it does is to write an `x` to its standard output. */
  readonly args: readonly string[]
}

/** The smallest Python program. It ends when its standard output is closed, so it does not outlive the bench. */
export const bareWorker = (python: string): Program => ({ command: python, args: ['-I', '-S', '-c', WORKER] })

const WORKER =
  'import os; os.write(1, b"x"); import select; poller = select.poll(); poller.register(1, 0); poller.poll()'

/** What Terrarium is compared with. */
export const plainSpawn: Starter = async ({ command, args }) => {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const exited = once(child, 'exit')
  await firstByte(child.stdout)
  return {
    pid: child.pid ?? 0,
    exited,
    end: async () => {
      child.kill('SIGKILL')
      await exited
    },
  }
}

/** Through the shepherd of a runtime. */
export const throughShepherd =
  (runtime: Runtime): Starter =>
  async ({ command, args }) => {
    const process = await runtime.spawn({ name: 'bench', command, args })
    await firstByte(process.stdout)
    return {
      pid: process.pid,
      exited: process.exited,
      end: async () => {
        await process.kill()
        await process.released
      },
    }
  }

/** As simple as possible, because its cost is part of what is measured. */
function firstByte(stdout: Readable): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      reject(new Error('a process has ended without its first byte'))
    }
    stdout.once('end', end).once('data', (chunk: Buffer) => {
      stdout.off('end', end)
      if (chunk[0] === 0x78) resolve()
      else reject(new Error(`the first byte should have been an x: ${chunk.toString()}`))
    })
  })
}
