import { TerrariumError } from '@terrarium/supervisor/base'

/**
 * What holds the processes of a run together. With `pidns` and `cgroup` the kernel ends all of them, whatever they have
 * done to get away, also when host and shepherd are killed in the same moment; see the package's README.
 */
export type Containment = 'pidns' | 'cgroup' | 'shepherd'

/** Best first. */
export const CONTAINMENTS: readonly Containment[] = ['pidns', 'cgroup', 'shepherd']

export interface ContainmentResult {
  readonly level: Containment
  /** Why each better one is not in use. */
  readonly missing: Readonly<Partial<Record<Containment, string>>>
}

/**
 * The containment to have: the option, TERRARIUM_CONTAINMENT, or `auto`, the best there is. What is empty counts as not
 * given. Errors: INVALID_ARGUMENT.
 */
export function wantedContainment(
  option: Containment | 'auto' | '' | undefined,
  env: NodeJS.ProcessEnv = process.env,
): Containment | 'auto' {
  const wanted = option || env['TERRARIUM_CONTAINMENT'] || 'auto'
  if (wanted === 'auto' || CONTAINMENTS.includes(wanted as Containment)) return wanted as Containment | 'auto'
  throw new TerrariumError('INVALID_ARGUMENT', `there is no containment ${wanted}`, {
    hint: `There are: auto, ${CONTAINMENTS.join(', ')}.`,
  })
}

/** Whether the first holds less than the second. */
export function isLower(one: Containment, other: Containment): boolean {
  return CONTAINMENTS.indexOf(one) > CONTAINMENTS.indexOf(other)
}
