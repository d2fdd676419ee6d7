// What records the inputs of the core. The journal behind the door `replay` does; a supervisor without one has nothing
// of it.
import type { Settings, SupervisorOptions } from '../spec/options.ts'
import type { CoreEvent } from './event.ts'
import type { CoreState } from './state.ts'

export interface Recorder<TWritten = unknown> {
  /** The settings with which the recorded core has to run. */
  listen(settings: Settings): Settings
  /** Begins with this state. `now` in ms. */
  begin(state: CoreState, now: number): void
  /** Records one input, and returns it as the core is to get it. `now` in ms. */
  record(event: CoreEvent, now: number): CoreEvent
  /** Called between two events. `now` in ms. */
  settle(state: CoreState, now: number): void
  /** What was recorded, as plain JSON. The options are the options of the supervisor. */
  write(options: SupervisorOptions): TWritten
}
