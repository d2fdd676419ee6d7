// The tree of actors: a row each, or cells for many that are alike.
import { useMemo } from 'preact/hooks'
import type { JSX } from 'preact'
import { Bars } from './budget.tsx'
import { isObserved, lookOf, LOOK_WORDS } from './look.ts'
import { Mark } from './mark.tsx'
import { running, valueText, type Actor } from './model.ts'
import { cellOf, MOST_ROWS, type Row } from './tree.ts'

interface ListProps {
  readonly rows: readonly Row[]
  readonly selected: string | undefined
  readonly onSelect: (key: string) => void
  readonly now: number
}

export function ActorList({ rows, selected, onSelect, now }: ListProps): JSX.Element {
  const shown = rows.slice(0, MOST_ROWS)
  const second = Math.floor(now / 1_000)
  return (
    <div
      class="tree"
      role="tree"
      aria-label="Actors"
      tabIndex={0}
      aria-activedescendant={selected === undefined ? undefined : `a${selected}`}
    >
      {shown.map((row) =>
        row.type === 'actor' ? (
          <ActorRow
            actor={row.actor}
            depth={row.depth}
            isSelected={row.key === selected}
            second={second}
            onSelect={onSelect}
            key={row.key}
          />
        ) : (
          <Cells row={row} selected={selected} onSelect={onSelect} key={row.key} />
        ),
      )}
      {rows.length > shown.length && <p class="quiet more">{rows.length - shown.length} more rows: use the filter.</p>}
      {rows.length === 0 && <p class="quiet more">No actor matches.</p>}
    </div>
  )
}

interface RowProps {
  readonly actor: Actor
  readonly depth: number
  readonly isSelected: boolean
  readonly second: number
  readonly onSelect: (key: string) => void
}

function ActorRow({ actor, depth, isSelected, second, onSelect }: RowProps): JSX.Element {
  // The same element again means that nothing is compared.
  return useMemo(() => {
    const { budget, restarts, strategy } = actor
    const look = lookOf(actor)
    const crashes = restarts?.crashes ?? 0
    return (
      <div
        class={`row ${look}${isSelected ? ' selected' : ''}`}
        role="treeitem"
        id={`a${actor.key}`}
        aria-level={depth + 1}
        aria-selected={isSelected}
        onClick={() => {
          onSelect(actor.key)
        }}
      >
        <span class="who" style={indent(depth)}>
          <Mark look={look} />
          <b>{actor.name}</b>
          <span class={strategy === undefined ? 'kind' : 'kind strategy'}>{strategy ?? kindText(actor)}</span>
          {budget !== undefined && <Bars budget={budget} />}
        </span>
        <span class="value">{textOf(actor)}</span>
        <span class="since">{running(second * 1_000 + 999 - actor.since)}</span>
        {restarts === undefined ? (
          <span class="count" title={`${actor.events} events received`}>
            {actor.events}
          </span>
        ) : (
          <span class="count" title={`${crashes} crashes, ${restarts.wanted} wanted restarts`}>
            {crashes === 0 ? '' : `${crashes} ×`}
          </span>
        )}
      </div>
    )
  }, [actor, depth, isSelected, second, onSelect])
}

/** What an actor is, where its place does not say it. */
function kindText(actor: Actor): string {
  const { kind, machine } = actor
  if (isObserved(actor)) return kind === 'other' && machine !== undefined ? 'program' : ''
  return kind === 'machine' ? '' : kind
}

/** The state of an actor in a few words. */
function textOf(actor: Actor): string {
  const { status, error, value, ready, size } = actor
  const state = valueText(value).replace('_', ' ')
  if (isObserved(actor)) {
    const count = size === undefined ? '' : `, ${ready ?? 0} of ${size} ready`
    return error === undefined ? `${state}${count}` : `${state}${count}: ${error}`
  }
  return status === 'active' ? state : status === 'error' ? (error ?? 'failed') : LOOK_WORDS[status]
}

const indent = (depth: number): { readonly marginLeft: string } => ({ marginLeft: `${Math.min(depth, 12) * 16}px` })

/** With more than this many, cells are small. */
const SMALL = 60

function Cells({
  row,
  selected,
  onSelect,
}: {
  row: Row & { type: 'cells' }
  selected: string | undefined
  onSelect: (key: string) => void
}): JSX.Element {
  const { actors, counts, title, depth } = row
  return (
    <div role="group" aria-label={`${actors.length} ${title}`}>
      <div class="row group">
        <span class="who" style={indent(depth)}>
          <b>{title}</b>
          <span class="kind">× {actors.length}</span>
        </span>
        <span class="value legend">
          {counts.map(({ text, count, look }) => (
            <span key={text}>
              <i class={`cell ${look}`} /> {text} {count}
            </span>
          ))}
        </span>
      </div>
      <div class={actors.length > SMALL ? 'cells small' : 'cells'} style={indent(depth)}>
        {actors.map((actor) => (
          <Cell actor={actor} isSelected={actor.key === selected} onSelect={onSelect} key={actor.key} />
        ))}
      </div>
    </div>
  )
}

function Cell({
  actor,
  isSelected,
  onSelect,
}: {
  actor: Actor
  isSelected: boolean
  onSelect: (key: string) => void
}): JSX.Element {
  const { key, name } = actor
  const look = cellOf(actor)
  const value = valueText(actor.value)
  const often = (actor.restarts?.crashes ?? 0) > 2 ? ' often' : ''
  const label = `${name}: ${LOOK_WORDS[lookOf(actor)]}${value === '' ? '' : `, ${value}`}`
  return useMemo(
    () => (
      <span
        class={`cell ${look}${often}${isSelected ? ' selected' : ''}`}
        role="treeitem"
        id={`a${key}`}
        aria-selected={isSelected}
        aria-label={label}
        title={label}
        onClick={() => {
          onSelect(key)
        }}
      />
    ),
    [key, look, often, label, isSelected, onSelect],
  )
}
