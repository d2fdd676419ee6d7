/** The bound that a bench row has to meet. */
export type Target = { readonly atLeast: number } | { readonly atMost: number }

/** One line of a benchmark's result. */
export interface Figure {
  readonly name: string
  readonly value: number
  readonly unit: string
  /** What the value is compared with, in the same unit. */
  readonly against: { readonly name: string; readonly value: number } | null
  /** `value` ÷ `against.value`. */
  readonly ratio: number | null
  /** Applies to the ratio, or to the value when it is compared with nothing; null for information only. */
  readonly target: Target | null
  readonly met: boolean | null
}

/** Adds to a row its ratio and whether it met its target. A value that is not a number meets no target. */
export function figure({
  name,
  value,
  unit,
  against = null,
  target = null,
}: Pick<Figure, 'name' | 'value' | 'unit'> & Partial<Pick<Figure, 'against' | 'target'>>): Figure {
  const ratio = against === null ? null : value / against.value
  const measured = ratio ?? value
  const met = target === null ? null : 'atLeast' in target ? measured >= target.atLeast : measured <= target.atMost
  return { name, value, unit, against, ratio, target, met }
}
