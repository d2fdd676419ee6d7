// What can be done to the selected actor: only on a page whose address has the token for actions, and asked before.
import { useEffect, useState } from 'preact/hooks'
import type { JSX } from 'preact'
import type { Verb } from '../src/shared/protocol.ts'
import type { Actor, Model } from './model.ts'

/** What each verb does, to be read before it is done. */
const DEEDS: Readonly<Record<Verb, string>> = {
  restart: 'is stopped if it runs, and started now',
  park: 'finishes what it has begun, ends in order, and stays down until it is unparked',
  unpark: 'is started now',
  kill: 'gets SIGKILL: its calls fail, and it is started again',
  pause: 'hands out no more calls; they wait in the queue',
  resume: 'hands out the calls that wait',
  drain: 'hands out no more calls, and those that run may finish',
  reload: 'replaces its workers one by one; no call is lost',
}

export function Actions({
  actor,
  verbs,
  model,
}: {
  actor: Actor
  verbs: readonly Verb[]
  model: Model
}): JSX.Element | null {
  const [asked, setAsked] = useState<Verb | undefined>()
  const [said, setSaid] = useState('')
  const { source, id, name } = actor
  useEffect(() => {
    setAsked(undefined)
    setSaid('')
  }, [actor.key])
  if (source.token === undefined || (verbs.length === 0 && said === '')) return null
  const act = async (verb: Verb): Promise<void> => {
    setAsked(undefined)
    setSaid(`${verb} …`)
    const answer = await model.ask(source, { verb, actor: id })
    setSaid(answer.t === 'answer' ? `${verb}: done` : `${verb}: ${answer.message}`)
  }
  return (
    <div class="deeds line">
      {asked === undefined ? (
        verbs.map((verb) => (
          <button
            type="button"
            key={verb}
            onClick={() => {
              setAsked(verb)
            }}
          >
            {verb}
          </button>
        ))
      ) : (
        <span class="confirm" role="alertdialog" aria-label={`Confirm ${asked}`}>
          <b>{name}</b> {DEEDS[asked]}.{' '}
          <button type="button" class="danger" ref={(button) => button?.focus()} onClick={() => void act(asked)}>
            {asked} {name}
          </button>{' '}
          <button
            type="button"
            onClick={() => {
              setAsked(undefined)
            }}
          >
            Cancel
          </button>
        </span>
      )}
      <span class="quiet" role="status">
        {said}
      </span>
    </div>
  )
}
