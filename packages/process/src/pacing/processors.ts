// Counts the processors that the host may use, with the limits of containers.
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'

/**
 * How many processors this host may use, at least 1: the number that it is allowed to run on, or the CPU quota of its
 * control groups if that is less. The limit of a container is such a quota, which `availableParallelism()` of Node 20
 * does not count.
 */
export function processors(groups = '/proc/self/cgroup', mounts = '/sys/fs/cgroup'): number {
  return Math.max(1, Math.min(availableParallelism(), Math.ceil(cgroupQuota(groups, mounts))))
}

/** The smallest quota of the host's control groups, in processors; Infinity where there is none. */
function cgroupQuota(groups: string, mounts: string): number {
  let quota = Infinity
  for (const line of (read(groups) ?? '').split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? []
    if (controllers === undefined || path === undefined) continue
    const isVersion2 = controllers === ''
    if (!isVersion2 && !controllers.split(',').includes('cpu')) continue
    // Where both versions are in use, version 2 is mounted at `unified`.
    const roots = isVersion2 ? [mounts, join(mounts, 'unified')] : [join(mounts, controllers), join(mounts, 'cpu')]
    const quotaOf = isVersion2 ? quotaOfVersion2 : quotaOfVersion1
    // The quotas of all groups above count as well. In a cgroup namespace the path may not exist: then only the root
    // is read.
    for (let folder = path; ; folder = dirname(folder)) {
      for (const root of roots) quota = Math.min(quota, quotaOf(join(root, folder)))
      if (folder === '/' || folder === '.') break
    }
  }
  return quota
}

function quotaOfVersion2(folder: string): number {
  const [quota, period] = (read(join(folder, 'cpu.max')) ?? '').trim().split(' ')
  return ratio(quota, period)
}

function quotaOfVersion1(folder: string): number {
  return ratio(read(join(folder, 'cpu.cfs_quota_us')), read(join(folder, 'cpu.cfs_period_us')))
}

/** A quota in processors. `max` and -1 mean that there is no limit. */
function ratio(quota: string | undefined, period: string | undefined): number {
  const processors = Number(quota) / Number(period)
  return processors > 0 ? processors : Infinity
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined // not Linux, or no such controller
  }
}
