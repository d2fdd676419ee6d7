/** What is measured. Which of them a contender can express is its own matter. */
export type ScenarioName =
  /** Starts children, all issued at once where that makes a difference. Answers `children/s`. */
  | 'start'
  /** Starts children, each awaited before the next. Answers `children/s`. */
  | 'startAwaited'
  /** Starts actors that are neither supervised nor kept. Answers `children/s`. */
  | 'startAlone'
  /** Stops the parent of the children until none is left. Answers `ms`. */
  | 'stop'
  /**
   * Crashes one child after the other, in turns, each running again before the next. Answers `restarts/s` and `p50` in
   * µs.
   */
  | 'restarts'
  /**
   * Restarts among all the children and among a hundredth of them, by the same process. Answers µs a restart: `many`
   * and `few`.
   */
  | 'restartCost'
  /**
   * The restarts of `restarts` with a journal and without one, in turns in one process. Answers restarts a second:
   * `with` and `without`.
   */
  | 'journal'
  /** Crashes all children at once until all run again. Answers `ms`. */
  | 'storm'
  /** Crashes one child of a group that is restarted as a whole, until all run again. Answers `ms`. */
  | 'group'
  /**
   * Sends to one child until all is processed. Answers `messages/s`, and with `alone` those to an actor without a
   * parent.
   */
  | 'send'
  /** What the heap grows by. Answers `bytes` a child. */
  | 'memory'
  /** As `memory`, for children with specifications of their own. Answers `bytes` a child. */
  | 'memoryStatic'

export interface Size {
  readonly children: number
  /** Restarts or messages in one repetition. */
  readonly operations: number
}

/** What one process is to measure. */
export interface Trial extends Size {
  readonly scenario: ScenarioName
  /** Repetitions before the counted ones. */
  readonly warmups: number
  /** For how many ms counted repetitions begin. There is at least one repetition; the process prints the medians. */
  readonly duration: number
}

/** Figures by name. */
export type Sample = Readonly<Record<string, number>>

/** One repetition. A repetition leaves nothing behind that the next would notice. */
export type Scenario = (size: Size) => Promise<Sample>

export type Scenarios = Readonly<Partial<Record<ScenarioName, Scenario>>>
