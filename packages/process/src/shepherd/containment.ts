// The levels of containment: what kills the descendants of a run beyond the guards that each process has.
import { TerrariumError } from '@terrarium/supervisor/base'

/**
 * The level of containment. With `pidns` and `cgroup` the kernel kills all processes of a run, whatever they have done
 * to get away, also when host and shepherd are killed in the same moment; see the documentation of the package.
 */
export type Containment = 'pidns' | 'cgroup' | 'shepherd'

/** Best first. */
export const CONTAINMENTS: readonly Containment[] = ['pidns', 'cgroup', 'shepherd']

export interface ContainmentResult {
  readonly level: Containment
  /** Why each better level is not in use. */
  readonly missing: Readonly<Partial<Record<Containment, string>>>
}

/**
 * The level to use: the option, TERRARIUM_CONTAINMENT, or `auto`, the best that there is. An empty string counts as not
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

/** Whether the first level is worse than the second. */
export function isLower(one: Containment, other: Containment): boolean {
  return CONTAINMENTS.indexOf(one) > CONTAINMENTS.indexOf(other)
}
