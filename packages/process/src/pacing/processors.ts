import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'

/**
 * How many processors this process may use: those it is allowed to run on, or the quota of its control group if that is
 * less. At least 1. Node 20 knows nothing of quotas, and a container's limit is one.
 */
export function processors(groups = '/proc/self/cgroup', mounts = '/sys/fs/cgroup'): number {
  return Math.max(1, Math.min(availableParallelism(), Math.ceil(cgroupQuota(groups, mounts))))
}

/** In processors; Infinity where there is no limit. */
function cgroupQuota(groups: string, mounts: string): number {
  let quota = Infinity
  for (const line of (read(groups) ?? '').split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? []
    if (controllers === undefined || path === undefined) continue
    const isVersion2 = controllers === ''
    if (!isVersion2 && !controllers.split(',').includes('cpu')) continue
    // A folder of the second version may be mounted beside those of the first.
    const roots = isVersion2 ? [mounts, join(mounts, 'unified')] : [join(mounts, controllers), join(mounts, 'cpu')]
    const quotaOf = isVersion2 ? quotaOfVersion2 : quotaOfVersion1
    // Each group above limits too. In a namespace of its own the path may lead out of what is mounted: the root is
    // looked at.
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

/** `max` and -1 stand for no limit. */
function ratio(quota: string | undefined, period: string | undefined): number {
  const processors = Number(quota) / Number(period)
  return processors > 0 ? processors : Infinity
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined // no Linux, or no such controller
  }
}
