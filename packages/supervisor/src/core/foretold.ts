// The sentence of a what-if.
import { list, ms, PARKED_BECAUSE } from './sentences.ts'
import type { WhatIf } from './what-if.ts'

/** What a what-if says, in one sentence. */
export function foretold({ id, supervisor, steps, escalates, plan }: Omit<WhatIf, 'sentence'>): string {
  const of = (...what: string[]) => steps.filter((step) => what.includes(step.what))
  const stopped = [...new Set(of('child.exit').map((step) => step.id))].filter((each) => each !== id)
  const others = stopped.length === 0 ? '' : `, after ${list(stopped)} ${stopped.length === 1 ? 'was' : 'were'} stopped`
  const end = of('supervisor.exit')[0]
  if (end !== undefined) {
    const why = escalates === undefined ? '' : ` with "${escalates.message}"`
    return `If ${id} failed, ${supervisor} would end${why}${others}.`
  }
  const started = of('child.start')
  const also = [...new Set(started.map((step) => step.id))].filter((each) => each !== id)
  const rest = also.length === 0 ? '' : `; ${againWhen(also, started)}`
  const together = also.length === 0 ? '' : `, together with ${list(also)}`
  const parked = of('child.parked').find((step) => step.id === id)
  if (parked !== undefined) {
    const cause = parked.cause === undefined ? '' : `, because ${PARKED_BECAUSE[parked.cause]}`
    const probe = of('child.start').find((step) => step.id === id)
    const until = probe === undefined ? 'until unpark() or reconfigure()' : `until it is probed after ${ms(probe.at)}`
    return `If ${id} failed, it would be parked ${until}${cause}${rest}.`
  }
  const start = of('child.start').find((step) => step.id === id)
  if (start === undefined) {
    const why = plan === undefined ? ' for good: it is not restarted after such an end' : ''
    return `If ${id} failed, it would stay down${why}${rest}.`
  }
  return `If ${id} failed, it would be started again ${when(start.at)}${together}.`
}

const when = (at: number): string => (at === 0 ? 'at once' : `after ${ms(at)}`)

/** When children would be started again. Children with the same time stand together. */
function againWhen(ids: readonly string[], starts: WhatIf['steps']): string {
  const timeOf = (id: string): number => starts.find((step) => step.id === id)?.at ?? 0
  const told = (at: number, index: number): string =>
    `${list(ids.filter((id) => timeOf(id) === at))}${index === 0 ? ' would be started again' : ''} ${when(at)}`
  return [...new Set(ids.map(timeOf))].map(told).join(', ')
}
