// A restart strategy: by day only the failed child is restarted, at night the whole tree.
import type { ChildView, RestartStrategy } from '@terrarium/supervisor/strategies'

export interface Night {
  /** The hour in which the night begins, 0 to 23. Default 1. */
  readonly from?: number
  /** The hour in which it is over. Default 5. */
  readonly to?: number
  /** The hour of a time in ms since the epoch. Default: in UTC. */
  readonly hourOf?: (time: number) => number
}

/** What the strategy remembers: the children that have failed since the tree was restarted last. */
export type NightMemory = readonly string[]

/**
 * A failure by day restarts the failed child and is remembered. The first failure at night after that restarts all
 * children, so that what the failures of the day have left behind is gone in the morning.
 */
export function atNight({
  from = 1,
  to = 5,
  hourOf = (time) => new Date(time).getUTCHours(),
}: Night = {}): RestartStrategy<ChildView, NightMemory> {
  const isNight = (hour: number): boolean => (from < to ? from <= hour && hour < to : from <= hour || hour < to)
  return {
    name: 'at_night',
    plan: (failed, children, { time, memory = [] }) => {
      if (!isNight(hourOf(time)) || memory.length === 0) {
        return { restart: [failed.id], memory: [...new Set([...memory, failed.id])] }
      }
      const because = `it is night, and ${memory.join(', ')} failed since the last restart`
      const comeBack = [...children].filter(({ id, restart }) => id === failed.id || restart !== 'temporary')
      return { actions: comeBack.map(({ id }) => ({ action: 'restart', child: id, because })), memory: [] }
    },
  }
}
