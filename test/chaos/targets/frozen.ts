// The target `frozen`: processes that no signal reaches.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RuntimeSubject } from '../runtime-subject.ts'
import type { Target } from '../target.ts'
import { within } from '../../support/waiting.ts'
import { beingOf, isAlive, killAll, strangers, until } from '../world.ts'

const run = (command: string, ...args: string[]): boolean => spawnSync(command, args).status === 0

/** Makes the folder and mounts a new file system on it. */
function mount(folder: string): boolean {
  const image = `${folder}.image`
  mkdirSync(folder)
  return (
    run('truncate', '--size=16M', image) && run('mkfs.ext4', '-q', image) && run('mount', '-o', 'loop', image, folder)
  )
}

/** A process waits for a frozen file system, where no signal reaches it. */
export const frozen: Target = {
  name: 'frozen',
  promise: 'an unkillable process is reported, keeps its reservation, and is released when it has exited',
  rounds: 5,
  byLevel: true,
  lacks() {
    const base = mkdtempSync(join(tmpdir(), 'freezable-'))
    const folder = join(base, 'frozen')
    const isMounted = mount(folder)
    const isFreezable = isMounted && run('fsfreeze', '--freeze', folder) && run('fsfreeze', '--unfreeze', folder)
    if (isMounted) run('umount', folder)
    rmSync(base, { recursive: true, force: true })
    return isFreezable ? {} : { all: 'no file system can be made, mounted and frozen here' }
  },
  async run(context) {
    const folder = join(context.folder(), 'frozen')
    if (!mount(folder)) throw new Error('no file system can be mounted')
    const thaw = (): boolean => run('fsfreeze', '--unfreeze', folder)
    try {
      await context.play(async (number) => {
        const host = new RuntimeSubject(context, context.folder())
        try {
          await host.hear('open')
          if (!run('fsfreeze', '--freeze', folder)) throw new Error('it does not freeze')
          host.tell({
            do: 'start',
            id: 'stuck',
            command: 'sh',
            args: ['-c', `echo ready; exec touch '${join(folder, String(number))}'`],
          })
          const { pid } = await host.ready('stuck')
          await until('it is in uninterruptible sleep', () => beingOf(pid)?.state === 'D')
          host.tell({ do: 'kill', id: 'stuck' })
          const status = await host.exit('stuck')
          if (status['unkillable'] !== true) throw new Error(`it is said to have ended: ${JSON.stringify(status)}`)
          if (!isAlive(pid)) throw new Error('it has ended')
          if (host.heard('released').length > 0) throw new Error('its reservation was released while it was there')
          const unexpected = host.unexpected([/unkillable/])
          if (unexpected.length > 0) throw new Error(unexpected.join('\n'))
          // Other processes are started meanwhile.
          await host.start('other', 'idle')
          thaw()
          await host.hear('released', ({ id }) => id === 'stuck')
          if (isAlive(pid)) throw new Error('its reservation was released while it was there')
          const { left, unreleased } = await host.close()
          if (unreleased !== 0 || (left as unknown[]).length > 0) throw new Error('it was not closed in order')
          await within(2_000, () => strangers(new Set()).length === 0)
          context.count(number, { orphans: strangers(new Set()).length })
        } finally {
          thaw()
          if (!host.isOver) killAll([host.pid])
          await host.exited
        }
      })
    } finally {
      thaw()
      run('umount', '--lazy', folder)
    }
  },
}
