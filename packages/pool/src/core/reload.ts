// A reload: every worker is replaced by a new one, one after the other, and at no time are fewer ready than before. A
// spare worker is started first, and proves that workers can be started; it ends when all others have been replaced.
import { TerrariumError } from '@terrarium/supervisor/base'
import { askAllBack } from './ahead.ts'
import { Slot } from './slot.ts'
import { readyIn, type PoolState } from './state.ts'
import { refusalOf, type Turn } from './turn.ts'

/** The id of the slot that a reload adds, for as long as it takes. */
export const SPARE = 'spare'

/** A reload that goes on. */
export interface Reload {
  /** The workers that are to be replaced: their slots, and their incarnations. */
  readonly old: Map<Slot, number>
  readonly spare: Slot
  /** So many workers were ready when the reload began: fewer are not left. */
  readonly least: number
  /** The slot whose worker ends and is replaced now. It has no call any more once `isAsked`. */
  leaving: Slot | undefined
  isAsked: boolean
  /** `ending`: the spare is to end, once it has no call. `dismissed`: it was told to. */
  spareState: 'needed' | 'ending' | 'dismissed'
  /** Asked for while the spare of the reload before was about to end. */
  again: boolean
  /** Why not every worker was replaced. The spare stays until it is not needed. */
  failure: TerrariumError | undefined
}

/** The pool is to be reloaded. Answered with the effect `reloaded`. */
export function reload(turn: Turn): void {
  const { state, effects } = turn
  const refusal = refusalOf(state) ?? (state.status === 'starting' ? isStarting(state) : undefined)
  if (refusal !== undefined) {
    effects.push({ type: 'reloaded', error: refusal })
    return
  }
  const present = state.reload
  if (present === undefined) begin(turn)
  else if (present.spareState !== 'needed') present.again = true
  else {
    present.failure = undefined
    noteOld(state, present)
  }
  proceed(turn)
}

function isStarting({ settings }: PoolState): TerrariumError {
  return new TerrariumError('INVALID_ARGUMENT', `pool ${settings.pool} cannot be reloaded: it is starting`, {
    hint: 'Wait until it has started.',
    details: { pool: settings.pool },
  })
}

function begin({ state, effects }: Turn): void {
  const spare = new Slot(SPARE)
  const least = readyIn(state)
  const reload: Reload = {
    old: new Map(),
    spare,
    least,
    leaving: undefined,
    isAsked: false,
    spareState: 'needed',
    again: false,
    failure: undefined,
  }
  noteOld(state, reload)
  state.reload = reload
  state.slots.push(spare)
  effects.push({ type: 'startSpare', slot: spare })
}

/** What runs now, or is being started now, may be of the old code. */
function noteOld({ slots }: PoolState, { old, spare, leaving }: Reload): void {
  for (const slot of slots) {
    const { occupant, incarnation } = slot
    if (slot !== spare && slot !== leaving && (occupant === 'ready' || occupant === 'starting'))
      old.set(slot, incarnation)
  }
}

/** After each event: what the reload does next. */
export function proceed(turn: Turn): void {
  const { reload, status } = turn.state
  if (reload === undefined || status === 'stopping' || status === 'stopped') return
  if (reload.leaving?.occupant === 'ready') reload.leaving = undefined
  if (reload.spareState === 'needed' && reload.leaving === undefined) chooseNext(turn, reload)
  const { leaving, isAsked, spare, spareState } = reload
  if (leaving !== undefined) {
    if (isAsked || leaving.occupant !== 'doomed' || leaving.calls.size > 0) return
    reload.isAsked = true
    turn.effects.push({ type: 'replace', slot: leaving })
  } else if (spareState === 'ending' && spare.calls.size === 0) {
    reload.spareState = 'dismissed'
    turn.effects.push({ type: 'dismissSpare', slot: spare })
  }
}

/** While more workers are ready than before: the next old worker leaves, or, after the last one, the spare. */
function chooseNext(turn: Turn, reload: Reload): void {
  const { state } = turn
  const { old, least, spare } = reload
  for (const [slot, incarnation] of old) if (slot.incarnation !== incarnation) old.delete(slot)
  if (readyIn(state) <= least) return
  const next = [...old.keys()].find(({ occupant }) => occupant === 'ready')
  if (next !== undefined) {
    old.delete(next)
    reload.leaving = next
    reload.isAsked = false
    doom(turn, next)
  } else if (old.size === 0 && !state.slots.some(({ probing }) => probing)) {
    reload.spareState = 'ending'
    doom(turn, spare)
  }
}

/** The worker finishes the calls that it has begun, and gets no other. */
function doom(turn: Turn, slot: Slot): void {
  slot.occupant = 'doomed'
  askAllBack(turn, slot)
}

/** A worker was parked while the pool is reloaded: the reload has failed, and the workers that are left stay. */
export function parkedMeanwhile(turn: Turn, slot: Slot, error: TerrariumError): void {
  const { reload } = turn.state
  if (reload !== undefined) failReload(turn, reload, error, slot)
}

/** The worker that was to be replaced has ended, and no other could be started. */
export function notReplaced(turn: Turn, error: TerrariumError): void {
  const { reload } = turn.state
  if (reload !== undefined) failReload(turn, reload, error, reload.leaving)
}

function failReload({ effects }: Turn, reload: Reload, error: TerrariumError, slot: Slot | undefined): void {
  if (reload.failure === undefined && reload.spareState === 'needed') {
    reload.failure = error
    effects.push({ type: 'reloaded', error })
  }
  reload.old.clear()
  if (slot === reload.leaving) reload.leaving = undefined
  if (slot === reload.spare && reload.spareState === 'needed') reload.spareState = 'ending'
}

/** The spare has ended, or `error` says why it could not be started: the reload is over. */
export function spareGone(turn: Turn, error: TerrariumError | undefined): void {
  const { state, effects } = turn
  const { reload } = state
  if (reload === undefined) return
  state.reload = undefined
  const index = state.slots.indexOf(reload.spare)
  if (index >= 0) state.slots.splice(index, 1)
  if (reload.again) begin(turn)
  else if (reload.failure === undefined) effects.push({ type: 'reloaded', error })
  proceed(turn)
}

/** The pool ends: it is not reloaded any more. */
export function endReload({ state, effects }: Turn, error: TerrariumError): void {
  const { reload } = state
  if (reload === undefined || (reload.failure !== undefined && !reload.again)) return
  reload.failure = error
  reload.again = false
  effects.push({ type: 'reloaded', error })
}
