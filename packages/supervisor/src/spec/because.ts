// Causes: because of which failure, and of which plan, something happens to a child.
import type { FailureInfo } from '../policy/failure.ts'

/** Because of which failure a child was stopped, started, parked or made to wait. */
export interface Because {
  /**
   * The id of the incident: of the failure that no other failure explains, and of all that follows from it until the
   * children concerned are ready again, in the supervisors above and below too. Unique in the actor system.
   */
  readonly incident: string
  /** The child that has failed. */
  readonly child: string
  /** The supervisor of that child. */
  readonly supervisor: string
  readonly failure: FailureInfo
  /** What the strategy has planned for the child of the event; missing if the strategy was not asked. */
  readonly plan?: PlannedBecause | undefined
}

export interface PlannedBecause {
  /** The strategy's name. */
  readonly strategy: string
  readonly action: string
  /** The strategy's own words. */
  readonly because?: string | undefined
}
