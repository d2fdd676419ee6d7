// The top bar: the verdict, which application it is, whether the picture is live, and the theme.
import { useState } from 'preact/hooks'
import type { JSX } from 'preact'
import { running, type Link, type Picture, type Source } from './model.ts'
import { read, write } from './sources.ts'
import { verdictOf } from './verdict.ts'

interface BarProps {
  readonly picture: Picture
  readonly isPaused: boolean
  readonly onPause: () => void
  readonly onSelect: (key: string) => void
}

const LINKS: Readonly<Record<Link, string>> = {
  connecting: 'connecting',
  live: 'live',
  lost: 'not reached, trying again',
  trace: 'a saved trace',
}

export function TopBar({ picture, isPaused, onPause, onSelect }: BarProps): JSX.Element {
  const [theme, setTheme] = useState(read('terrarium.theme') ?? '')
  document.documentElement.dataset.theme = theme
  const verdict = verdictOf(picture)
  const { key } = verdict
  const isDark = theme === 'dark' || (theme === '' && matchMedia('(prefers-color-scheme: dark)').matches)
  const isTrace = picture.sources.some(({ link }) => link === 'trace')
  const last = picture.rates.at(-2) ?? 0
  return (
    <header class="top">
      <h1>Inspector</h1>
      {key === undefined ? (
        <p class={`verdict ${verdict.level}`}>{verdict.text}</p>
      ) : (
        <button
          type="button"
          class={`verdict ${verdict.level}`}
          title={verdict.text}
          onClick={() => {
            onSelect(key)
          }}
        >
          {verdict.text}
        </button>
      )}
      <span class="rate" title="Events per second, the last two minutes">
        <Rates rates={picture.rates} /> {last} events/s
      </span>
      {picture.sources.map((source) => (
        <SourceView source={source} now={picture.now} isPaused={isPaused} key={source.key} />
      ))}
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
