// The results of the supervisor suite: medians of each contender over several processes.
import { figure, type Figure } from '../figure.ts'
import { median } from '../measure.ts'
import type { BenchContext } from '../suite.ts'
import { runTrial, type Contender } from './process.ts'
import type { ContenderName, Entrant, Row } from './row.ts'
import type { Sample } from './trial.ts'

export type Contenders = Readonly<Partial<Record<ContenderName, Contender>>>

/** What a row's entrants reached: medians over the processes. */
export class Result {
  /** What was measured, with its size. */
  readonly label: string
  readonly #row: Row
  readonly #contenders: Contenders
  readonly #samples: ReadonlyMap<Entrant, readonly Sample[]>

  constructor(row: Row, contenders: Contenders, samples: ReadonlyMap<Entrant, readonly Sample[]>) {
    this.label = labelOf(row)
    this.#row = row
    this.#contenders = contenders
    this.#samples = samples
  }

  /** NaN if the contender is not there. */
  value(contender: ContenderName, key = this.#row.key): number {
    const { ours, rivals } = this.#row
    const entrant = [...ours, ...rivals].find((each) => each.contender === contender)
    return entrant === undefined ? NaN : this.#median(entrant, key)
  }

  /** The first Terrarium entrant beside every rival, the others beside Erlang. */
  compare(): Figure[] {
    const { ours, rivals } = this.#row
    return ours.flatMap((our, index) =>
      rivals
        .filter(({ contender }) => index === 0 || contender === 'erlang')
        .map((rival) => this.#compare(our, rival, index === 0)),
    )
  }

  #compare(our: Entrant, rival: Entrant, isFirst: boolean): Figure {
    const { key, unit = key, targets = {} } = this.#row
    const value = { name: [this.label, our.note].filter(Boolean).join(', '), value: this.#median(our, key), unit }
    const rivalName = this.#contenders[rival.contender]?.name
    if (rivalName === undefined) return figure(value)
    return figure({
      ...value,
      against: { name: [rivalName, rival.note].filter(Boolean).join(' '), value: this.#median(rival, key) },
      target: isFirst && rival.note === undefined ? (targets[rival.contender] ?? null) : null,
    })
  }

  #median(entrant: Entrant, key: string): number {
    const samples = this.#samples.get(entrant) ?? []
    return samples.length === 0 ? NaN : median(samples.map((sample) => sample[key] ?? NaN))
  }
}

/**
 * Runs all entrants in turns, each time in a new process and in another order, so that other load on the machine and
 * the heat of the run before affect all of them alike.
 */
export async function measureRow(
  row: Row,
  contenders: Contenders,
  runs: number,
  { signal, log }: Pick<BenchContext, 'signal' | 'log'>,
): Promise<Result> {
  log(labelOf(row))
  const samples = new Map<Entrant, Sample[]>()
  const entrants = [...row.ours, ...row.rivals]
  for (let run = 0; run < runs; run++) {
    const first = run % entrants.length
    for (const entrant of [...entrants.slice(first), ...entrants.slice(0, first)]) {
      const contender = contenders[entrant.contender]
      if (contender === undefined) continue
      const sample = await runTrial(contender, { scenario: entrant.scenario, ...row.trial }, signal)
      samples.set(entrant, [...(samples.get(entrant) ?? []), sample])
    }
  }
  return new Result(row, contenders, samples)
}

function labelOf({ label, trial: { children, operations } }: Row): string {
  return label({ children: children.toLocaleString('en-US'), operations: operations.toLocaleString('en-US') })
}
