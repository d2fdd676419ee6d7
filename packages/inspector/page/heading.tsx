// The name of the selected actor, its state, and what is above it.
import type { JSX } from 'preact'
import { isObserved, lookOf, LOOK_WORDS } from './look.ts'
import { Mark } from './mark.tsx'
import { valueText, type Actor, type Picture } from './model.ts'

interface HeadingProps {
  readonly picture: Picture
  readonly actor: Actor
  readonly onSelect: (key: string) => void
}

export function Heading({ picture, actor, onSelect }: HeadingProps): JSX.Element {
  const look = lookOf(actor)
  const state = valueText(actor.value)
  const text = isObserved(actor) ? state.replace('_', ' ') : actor.status === 'active' ? state : ''
  return (
    <header>
      <h2>
        <Mark look={look} /> {actor.name}
      </h2>
      <nav aria-label="Above">
        {pathOf(actor, picture).map((above) => (
          <button
            type="button"
            class="link"
            key={above.key}
            onClick={() => {
              onSelect(above.key)
            }}
          >
            {above.name} /
          </button>
        ))}
      </nav>
      <span class={`pill ${look}`}>{text === '' ? LOOK_WORDS[look] : text}</span>
    </header>
  )
}

export function Fact({ name, text }: { name: string; text: string }): JSX.Element {
  return (
    <div>
      <dt>{name}</dt>
      <dd title={text}>{text}</dd>
    </div>
  )
}

/** The actors above, from the root. */
function pathOf(actor: Actor, { actors }: Picture): Actor[] {
  const path: Actor[] = []
  let above = actor.above === undefined ? undefined : actors.get(actor.above)
  while (above !== undefined && path.length < 20) {
    path.unshift(above)
    above = above.above === undefined ? undefined : actors.get(above.above)
  }
  return path
}
