// The top bar: the verdict, which application it is, whether the picture is live, and the theme.
import { useState } from 'preact/hooks'
import type { JSX } from 'preact'
import { isObserver, running, type Link, type Picture, type Source } from './model.ts'
import { read, write } from './sources.ts'
import { verdictsOf } from './verdict.ts'

interface BarProps {
  readonly picture: Picture
  readonly isPaused: boolean
  readonly isSystem: boolean
  readonly onPause: () => void
  readonly onSystem: () => void
  readonly onSelect: (key: string) => void
}

const LINKS: Readonly<Record<Link, string>> = {
  connecting: 'connecting',
  live: 'live',
  lost: 'not reached, trying again',
  trace: 'a saved trace',
}

export function TopBar({ picture, isPaused, isSystem, onPause, onSystem, onSelect }: BarProps): JSX.Element {
  const [theme, setTheme] = useState(read('terrarium.theme') ?? '')
  document.documentElement.dataset.theme = theme
  const isDark = theme === 'dark' || (theme === '' && matchMedia('(prefers-color-scheme: dark)').matches)
  const isTrace = picture.sources.some(({ link }) => link === 'trace')
  const hasObserver = picture.sources.some(isObserver)
  const hasSystem = picture.sources.some(({ hello }) => hello?.asks?.includes('system') === true)
  const last = picture.rates.at(-2) ?? 0
  return (
    <header class="top">
      <h1>{hasObserver ? 'Terrarium' : 'Inspector'}</h1>
      <div class="verdicts">
        {verdictsOf(picture).map(({ key, level, text }) =>
          key === undefined ? (
            <p class={`verdict ${level}`} title={text} key={text}>
              {text}
            </p>
          ) : (
            <button
              type="button"
              class={`verdict ${level}`}
              title={text}
              onClick={() => {
                onSelect(key)
              }}
              key={text}
            >
              {text}
            </button>
          ),
        )}
      </div>
      {!hasObserver && (
        <span class="rate" title="Events per second, the last two minutes">
          <Rates rates={picture.rates} /> {last} events/s
        </span>
      )}
      {picture.sources.map((source) => (
        <SourceView source={source} now={picture.now} isPaused={isPaused} key={source.key} />
      ))}
      {hasSystem && (
        <button type="button" aria-pressed={isSystem} onClick={onSystem}>
          System
        </button>
      )}
      {!isTrace && (
        <button
          type="button"
          aria-pressed={isPaused}
          onClick={onPause}
          title="Space: the application goes on, the picture stands still"
        >
          {isPaused ? 'Go on' : 'Pause'}
        </button>
      )}
      <button
        type="button"
        onClick={() => {
          const next = isDark ? 'light' : 'dark'
          write('terrarium.theme', next)
          setTheme(next)
        }}
      >
        {isDark ? 'Light' : 'Dark'}
      </button>
    </header>
  )
}

function SourceView({ source, now, isPaused }: { source: Source; now: number; isPaused: boolean }): JSX.Element {
  const { hello, link } = source
  const title =
    hello === undefined
      ? ''
      : [hello.agent, hello.pid === undefined ? '' : `pid ${hello.pid}`, `up ${running(now - hello.started)}`]
          .filter((part) => part !== '')
          .join(' · ')
  return (
    <span class="source" title={title}>
      <b>{hello?.name ?? 'application'}</b>
      <span class="quiet facts-line">{title}</span>
      <span class={`link-state ${isPaused ? 'paused' : link}`} role="status">
        {isPaused ? 'paused' : LINKS[link]}
      </span>
    </span>
  )
}

function Rates({ rates }: { rates: readonly number[] }): JSX.Element {
  const most = Math.max(4, ...rates)
  const first = 120 - rates.length
  const points = rates.map((rate, index) => `${first + index},${(20 - (rate / most) * 18).toFixed(1)}`).join(' ')
  return (
    <svg class="rates" viewBox="0 0 120 21" preserveAspectRatio="none" aria-hidden="true">
      <polyline points={points} />
    </svg>
  )
}
