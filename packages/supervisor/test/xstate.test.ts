// XState's private parts: a version of XState without one of them is refused by name.
import { describe, expect, test } from '@jest/globals'
import { Actor, type AnyActorLogic } from 'xstate'
import { checkXState, missingParts } from '../src/actor/xstate.ts'

type Fake = Record<string, object>

/** XState's Actor, changed after it was made. */
function changed(change: (actor: Fake, system: Fake) => void): unknown {
  return class extends Actor<AnyActorLogic> {
    constructor(logic: AnyActorLogic, options?: object) {
      super(logic, options)
      change(this as never, this.system as never)
    }
  }
}

/** XState's Actor without some fields or methods. */
const without = (...names: string[]): unknown =>
  changed((actor) => {
    for (const name of names) Object.defineProperty(actor, name, { get: () => undefined, set: () => undefined })
  })

/** XState's Actor whose logic receives another event instead of one of XState's own. */
const renaming = (type: RegExp): unknown =>
  class extends Actor<AnyActorLogic> {
    constructor(logic: AnyActorLogic, options?: object) {
      const transition: AnyActorLogic['transition'] = (snapshot, event, scope) =>
        logic.transition(
          snapshot,
          type.test((event as { type: string }).type) ? { type: 'other' } : event,
          scope,
        ) as unknown
      super({ ...logic, transition }, options)
    }
  }

test('the installed XState has all parts', () => {
  expect(missingParts(Actor)).toEqual([])
})

describe('an XState is refused that lacks', () => {
  test.each([
    ['actor.logic', without('logic')],
    ['actor.clock', without('clock')],
    ['actor.observers', without('observers')],
    ['actor.eventListeners', without('eventListeners')],
    ['actor._parent', without('_parent')],
    ['actor._actorScope', without('_actorScope')],
    ['actor._complete', without('_complete')],
    ['actor._stop', without('_stop')],
    ['actor._processingStatus', without('_processingStatus')],
    ['actor.mailbox', without('mailbox')],
    ['actor.systemId', without('systemId', '_systemId')],
    ['system.getAll', changed((_, system) => Object.assign(system, { getAll: () => ({}) }))],
    [
      'snapshot._subscription',
      changed((actor) => {
        const copied = { ...(actor as unknown as Actor<AnyActorLogic>).getSnapshot() } as object
        Object.defineProperty(actor, 'getSnapshot', { value: () => copied })
      }),
    ],
    ['system._register', changed((_, system) => Reflect.deleteProperty(system, '_register'))],
    ['system._unregister', changed((_, system) => Reflect.deleteProperty(system, '_unregister'))],
    [
      'system.scheduler.cancelAll',
      changed((_, system) => Reflect.deleteProperty(system['scheduler'] as object, 'cancelAll')),
    ],
    [
      'system.scheduler.schedule',
      changed((_, system) => Object.assign(system['scheduler'] as object, { schedule: () => undefined })),
    ],
    ['xstate.stop', renaming(/^xstate\.stop$/)],
    ['xstate.done.actor.*', renaming(/^xstate\.done\.actor/)],
    ['xstate.error.actor.*', renaming(/^xstate\.error\.actor/)],
    ['Actor', undefined],
  ])('%s', (part, actorClass) => {
    const missing = missingParts(actorClass)
    expect(missing).toContain(part)
    expect(() => {
      checkXState(actorClass)
    }).toThrow(
      expect.objectContaining({
        code: 'CONFIGURATION',
        message: `this version of XState lacks ${missing.join(', ')}`,
        hint: 'Install version 5 of xstate, 5.20 or newer.',
        details: { missing },
      }),
    )
  })
})

test('a mailbox that takes no event counts as none', () => {
  const full = changed((actor) => Object.defineProperty(actor['mailbox'], 'enqueue', { value: undefined }))
  expect(missingParts(full)).toContain('actor.mailbox')
})

test('a system whose hooks XState does not call counts as one without hooks', () => {
  const deaf = changed((actor, system) => {
    const { _register, scheduler } = system as unknown as { _register: object; scheduler: { cancelAll: object } }
    Object.defineProperty(system, '_register', { get: () => _register, set: () => undefined })
    Object.defineProperty(scheduler, 'cancelAll', { value: scheduler.cancelAll, writable: false })
    expect(actor).toBeInstanceOf(Actor)
  })
  expect(missingParts(deaf)).toEqual(expect.arrayContaining(['system._register', 'system.scheduler.cancelAll']))
})
