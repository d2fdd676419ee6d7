// The selected actor: what it is, why it failed, its statechart and its context.
import type { JSX } from 'preact'
import { Chart } from './chart.tsx'
import { Fact, Heading } from './heading.tsx'
import { isObserved, lookOf, LOOK_WORDS } from './look.ts'
import { running, type Actor, type Model, type Picture } from './model.ts'
import { Observed } from './observed.tsx'
import { ValueView } from './value-view.tsx'

interface DetailProps {
  readonly picture: Picture
  readonly actor: Actor | undefined
  readonly model: Model
  readonly onSelect: (key: string) => void
}

export function Detail({ picture, actor, model, onSelect }: DetailProps): JSX.Element {
  if (actor === undefined)
    return (
      <section class="detail panel" aria-label="The selected actor">
        <p class="quiet more">Select an actor.</p>
      </section>
    )
  if (isObserved(actor)) return <Observed picture={picture} actor={actor} model={model} onSelect={onSelect} />
  const watched = picture.watched.get(actor.key)
  const root = actor.machine === undefined ? undefined : actor.source.machines.get(actor.machine)
  return (
    <section class="detail panel" aria-label="The selected actor">
      <Heading picture={picture} actor={actor} onSelect={onSelect} />
      {actor.error !== undefined && (
        <div class="failure" role="status">
          <strong>It failed.</strong> {actor.error}
          {actor.last !== undefined && <p>The last event that it received was {actor.last}.</p>}
        </div>
      )}
      <dl class="facts">
        <Fact name="kind" text={root === undefined ? actor.kind : `machine ${root.key}`} />
        <Fact
          name={actor.status === 'active' ? 'in this state' : LOOK_WORDS[lookOf(actor)]}
          text={`${running(picture.now - actor.since)}${actor.status === 'active' ? '' : ' ago'}`}
        />
        <Fact name="started" text={`${running(picture.now - actor.born)} ago`} />
        <Fact name="events" text={String(actor.events)} />
        <Fact name="last event" text={actor.last ?? 'none'} />
        <Fact name="session" text={actor.id.replace(/^\d+\./, '')} />
        {(watched?.left ?? 0) > 0 && <Fact name="transitions left out" text={String(watched?.left)} />}
      </dl>
      <div class={root === undefined ? 'body alone' : 'body'}>
        {root !== undefined && (
          <Chart
            root={root}
            value={actor.value}
            isActive={actor.status === 'active'}
            since={actor.since}
            now={picture.now}
            transitions={watched?.transitions ?? []}
          />
        )}
        <div class="values" tabIndex={0} aria-label="Snapshot">
          {watched === undefined ? (
            <p class="quiet">Its snapshot is on its way.</p>
          ) : (
            parts(watched.snapshot).map(([name, value]) => (
              <ValueView value={value} name={name} isOpen key={`${actor.key} ${name}`} />
            ))
          )}
        </div>
      </div>
    </section>
  )
}

const parts = (value: Parameters<typeof ValueView>[0]['value']): readonly (readonly [string, typeof value])[] =>
  typeof value === 'object' && value !== null && 'o' in value ? value.o : [['snapshot', value]]
