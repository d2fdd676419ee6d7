// The whole page: top bar, tree, the selected actor and events; what is selected, paused and filtered; the keyboard.
import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { JSX } from 'preact'
import { ActorList } from './actor-list.tsx'
import { Detail } from './detail.tsx'
import { Events } from './events.tsx'
import { isTrouble } from './look.ts'
import type { Model, Picture } from './model.ts'
import { Numbers } from './numbers.tsx'
import { System } from './system.tsx'
import { TopBar } from './top-bar.tsx'
import { rowsOf, walkOf, type Filter } from './tree.ts'

/** The address of the page of the system. */
const SYSTEM = '#/system'

/** The actor that an address names: each selection has one. */
function keyOf(hash: string, { actors }: Picture): string | undefined {
  const id = hash.startsWith('#/') ? decodeURIComponent(hash.slice(2)) : ''
  return [...actors.values()].find((actor) => actor.id === id)?.key
}

/** The address of a file or a blob cannot be changed. */
function setHash(hash: string): void {
  if (location.protocol === 'http:' || location.protocol === 'https:')
    history.replaceState(null, '', `${location.pathname}${location.search}${hash}`)
}

export function App({ model }: { model: Model }): JSX.Element {
  const [selected, setSelected] = useState<string | undefined>()
  const [frozen, setFrozen] = useState<Picture | undefined>()
  const [isSystem, setSystem] = useState(location.hash === SYSTEM)
  const [filter, setFilter] = useState<Filter>({ text: '', onlyTrouble: false })
  const picture = frozen ?? model.picture()
  const field = useRef<HTMLInputElement>(null)
  const rows = useMemo(() => rowsOf(picture.actors.values(), filter), [picture.actors, filter])
  const [first] = rows
  const named = useMemo(() => keyOf(location.hash, picture), [picture.actors.size === 0])
  const key = selected ?? named ?? (first?.type === 'actor' ? first.key : undefined)
  const actor = key === undefined ? undefined : picture.actors.get(key)

  const select = useCallback((next: string) => {
    setSelected(next)
    setSystem(false)
    setHash(`#/${next.slice(next.indexOf('/') + 1)}`)
    document.getElementById(`a${next}`)?.scrollIntoView({ block: 'nearest' })
  }, [])
  useEffect(() => {
    model.select(key)
  }, [model, key])

  const togglePause = (): void => {
    setFrozen(frozen === undefined ? model.picture() : undefined)
  }
  const move = (by: number): void => {
    const walk = walkOf(rows)
    const at = walk.findIndex((each) => each.key === key)
    const next = walk[Math.min(walk.length - 1, Math.max(0, at + by))]
    if (next !== undefined) select(next.key)
  }
  const keys: Readonly<Record<string, () => void>> = {
    '/': () => field.current?.focus(),
    ' ': togglePause,
    ArrowDown: () => {
      move(1)
    },
    ArrowRight: () => {
      move(1)
    },
    ArrowUp: () => {
      move(-1)
    },
    ArrowLeft: () => {
      move(-1)
    },
    Home: () => {
      move(-Infinity)
    },
    End: () => {
      move(Infinity)
    },
  }
  const onKey = (event: KeyboardEvent): void => {
    const target = event.target as HTMLElement
    if (event.ctrlKey || event.metaKey || event.altKey) return
    if (target.tagName === 'INPUT' && (target as HTMLInputElement).type === 'search') {
      if (event.key === 'Escape') {
        setFilter({ ...filter, text: '' })
        target.blur()
      }
      if (event.key === 'Enter') {
        target.blur()
        move(0)
      }
      return
    }
    // Other parts keep the keys that they use themselves.
    const isOwn = target === document.body || target.closest('.tree') !== null
    const run = keys[event.key]
    if (run === undefined || (!isOwn && event.key !== '/')) return
    event.preventDefault()
    run()
  }
  const latest = useRef(onKey)
  latest.current = onKey
  useEffect(() => {
    addEventListener('keydown', (event) => {
      latest.current(event)
    })
  }, [])

  const actors = useMemo(() => [...picture.actors.values()], [picture.actors])
  const failed = actors.filter(isTrouble).length
  const toggleSystem = (): void => {
    setHash(isSystem ? '' : SYSTEM)
    setSystem(!isSystem)
  }
  return (
    <>
      <TopBar
        picture={picture}
        isPaused={frozen !== undefined}
        isSystem={isSystem}
        onPause={togglePause}
        onSystem={toggleSystem}
        onSelect={select}
      />
      <Numbers picture={picture} />
      {isSystem ? (
        <System picture={picture} model={model} />
      ) : (
        <main>
          <section class="actors panel" aria-label="Actors">
            <header>
              <h2>Actors</h2>
              <input
                ref={field}
                type="search"
                placeholder="Filter  /"
                aria-label="Filter actors"
                value={filter.text}
                onInput={({ currentTarget }) => {
                  setFilter({ ...filter, text: currentTarget.value })
                }}
              />
              <label>
                <input
                  type="checkbox"
                  checked={filter.onlyTrouble}
                  onChange={({ currentTarget }) => {
                    setFilter({ ...filter, onlyTrouble: currentTarget.checked })
                  }}
                />
                only trouble ({failed})
              </label>
            </header>
            <ActorList rows={rows} selected={key} onSelect={select} now={picture.now} />
          </section>
          <Detail picture={picture} actor={actor} model={model} onSelect={select} />
          <Events picture={picture} selected={actor} onSelect={select} />
        </main>
      )}
    </>
  )
}
