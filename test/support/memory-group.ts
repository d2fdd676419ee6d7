// A memory control group, for tests of what happens when memory is short.
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'

/** A memory control group that a test has made. */
export interface MemoryGroup {
  readonly path: string
  /** Moves a process in. */
  admit(pid: number): void
  /** Removes the group, once no process is in it. */
  remove(): Promise<void>
}

/** Makes a group. Returns the reason if that is not possible. `limit`: in bytes. */
export function makeMemoryGroup(limit: number): MemoryGroup | string {
  let reason = ''
  for (const [controller, file] of [
    [undefined, 'memory.max'],
    ['memory', 'memory.limit_in_bytes'],
  ] as const) {
    const path = join(ownGroup(controller) ?? '/nowhere', `terrarium-test-${process.pid}`)
    try {
      mkdirSync(path)
    } catch (error) {
      reason = (error as Error).message
      continue
    }
    if (existsSync(join(path, file))) {
      writeFileSync(join(path, file), String(limit))
      if (existsSync(join(path, 'memory.swap.max'))) writeFileSync(join(path, 'memory.swap.max'), '0')
      return group(path)
    }
    rmdirSync(path)
    reason = `there is no ${file}`
  }
  return `no memory control group can be made here: ${reason}`
}

function group(path: string): MemoryGroup {
  return {
    path,
    admit: (pid) => {
      writeFileSync(join(path, 'cgroup.procs'), String(pid))
    },
    remove: async () => {
      for (let round = 0; ; round++) {
        try {
          rmdirSync(path)
          return
        } catch (error) {
          if (round === 200) throw error
        }
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    },
  }
}

/** The folder of the control group that this process is in: that of version 2, or that of a controller of version 1. */
function ownGroup(controller: string | undefined): string | undefined {
  const mount = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line): readonly string[][] => line.split(' - ').map((part) => part.split(' ')))
    .find(([, right = []]) => {
      const [kind, , options = ''] = right
      return controller === undefined
        ? kind === 'cgroup2'
        : kind === 'cgroup' && options.split(',').includes(controller)
    })
  const path = readFileSync('/proc/self/cgroup', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .find(([number, controllers]) =>
      controller === undefined ? number === '0' : controllers?.split(',').includes(controller),
    )?.[2]
  const [root, mounted] = [mount?.[0]?.[3], mount?.[0]?.[4]]
  if (root === undefined || mounted === undefined || path === undefined) return undefined
  return join(mounted, relative(root, path))
}
