/** The bound that a bench row has to meet. */
export type Target = { readonly atLeast: number } | { readonly atMost: number }

/** One line of a benchmark's result. */
export interface Figure {
  readonly name: string
  readonly value: number
  readonly unit: string
  /** What the value is compared with, in the same unit. `value` is null if that could not be measured here. */
  readonly against: { readonly name: string; readonly value: number | null } | null
  /** `value` ÷ `against.value`. */
  readonly ratio: number | null
  /** Applies to the ratio, or to the value when it is compared with nothing; null for information only. */
  readonly target: Target | null
  /** Null without a target, and when there was nothing to compare with. */
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
  const isAlone = against !== null && against.value === null
  const ratio = against === null || against.value === null ? null : value / against.value
  const measured = ratio ?? value
  const isMet = target === null || isAlone ? null : meets(measured, target)
  return { name, value, unit, against, ratio, target, met: isMet }
}

const meets = (measured: number, target: Target): boolean =>
  'atLeast' in target ? measured >= target.atLeast : measured <= target.atMost
