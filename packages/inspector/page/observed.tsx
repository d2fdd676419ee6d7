// The selected actor of an observer: what is wrong and which command repairs it, its budget, its process, what it
// printed, and what followed from its failures.
import { useMemo } from 'preact/hooks'
import type { JSX } from 'preact'
import type { Diagnosis } from '../src/shared/protocol.ts'
import { Actions } from './actions.tsx'
import { Bars, budgetText } from './budget.tsx'
import { Chart } from './chart.tsx'
import { Copy } from './copy.tsx'
import { Fact, Heading } from './heading.tsx'
import { incidentsOf } from './incidents.ts'
import { Latency } from './latency.tsx'
import { lookOf } from './look.ts'
import { duration, running, type Actor, type Model, type Picture } from './model.ts'
import { Questions } from './questions.tsx'

interface ObservedProps {
  readonly picture: Picture
  readonly actor: Actor
  readonly model: Model
  readonly onSelect: (key: string) => void
}

const MOST_INCIDENTS = 6
/** The chart of a process goes from left to right where there is room for that. */
const shapeOfPlace = (): number => (innerWidth > 1_250 ? 4 : 1)

export function Observed({ picture, actor, model, onSelect }: ObservedProps): JSX.Element {
  const { diagnosis, budget, machine, life, source } = actor
  const watched = picture.watched.get(actor.key)
  const root = machine === undefined ? undefined : source.machines.get(machine)
  const second = Math.floor(picture.now / 1_000)
  const incidents = useMemo(() => incidentsOf(picture, actor.key).slice(0, MOST_INCIDENTS), [second, actor.key])
  const output = watched?.output ?? []
  return (
    <section class="detail panel observed" aria-label="The selected actor">
      <Heading picture={picture} actor={actor} onSelect={onSelect} />
      <div class="parts" tabIndex={0}>
        {diagnosis !== undefined && <Diagnosed diagnosis={diagnosis} actor={actor} picture={picture} />}
        <Facts actor={actor} now={picture.now} />
        {budget !== undefined && (
          <p class="budget line">
            <Bars budget={budget} /> <span>{budgetText(actor, picture)}</span>
          </p>
        )}
        <Latency watched={watched} now={picture.now} />
        <Actions actor={actor} verbs={watched?.verbs ?? []} model={model} />
        <Questions actor={actor} model={model} />
        {root !== undefined && (
          <Chart
            root={root}
            value={life ?? ''}
            isActive
            since={actor.since}
            now={picture.now}
            transitions={watched?.transitions ?? []}
            shape={shapeOfPlace()}
          />
        )}
        {incidents.length > 0 && (
          <div class="part">
            <h3>Causes</h3>
            <ul>
              {incidents.map(({ key, at, text }) => (
                <li key={key}>
                  <span class="quiet">{running(picture.now - at)} ago</span> {text}
                </li>
              ))}
            </ul>
          </div>
        )}
        {output.length > 0 && (
          <div class="part">
            <h3>What it printed last</h3>
            <pre>
              {output.map(({ line, stream }, index) => (
                <span class={stream} key={index}>
                  {line}
                  {'\n'}
                </span>
              ))}
            </pre>
          </div>
        )}
      </div>
    </section>
  )
}

function Diagnosed({
  diagnosis,
  actor,
  picture,
}: {
  diagnosis: Diagnosis
  actor: Actor
  picture: Picture
}): JSX.Element {
  const { code, title, text, facts, command } = diagnosis
  return (
    <div class={`diagnosis ${lookOf(actor)}`} aria-label="Diagnosis">
      <h3>
        <span class="code">{code}</span> {title}
      </h3>
      {text !== undefined && <p>{text}</p>}
      {facts.length > 0 && (
        <dl class="facts">
          {facts.map(([name, value]) => (
            <Fact name={name} text={value} key={name} />
          ))}
        </dl>
      )}
      <div class="line">
        {command !== undefined && (
          <>
            <code class="command">{command}</code>
            <Copy text={command} />
          </>
        )}
        <Copy text={reportOf(actor, picture)} name="Copy report" />
      </div>
    </div>
  )
}

/** The diagnosis and the last events, as Markdown for a bug report. */
function reportOf({ id, diagnosis, key }: Actor, { events, watched }: Picture): string {
  const { code = '', title = '', text = '', facts = [], command } = diagnosis ?? {}
  const last = events.filter(({ to }) => to === key).slice(-10)
  return [
    `## ${id}: ${code}`,
    `${title}\n\n${text}`.trim(),
    facts.map(([name, value]) => `- ${name}: \`${value}\``).join('\n'),
    ...(command === undefined ? [] : [`Repaired by:\n\n    ${command}`]),
    ...(last.length === 0
      ? []
      : [last.map((each) => `- ${new Date(each.at).toISOString()} ${each.text ?? each.type}`).join('\n')]),
    ...(watched.get(key)?.output.length
      ? [
          `\`\`\`\n${
            watched
              .get(key)
              ?.output.map(({ line }) => line)
              .join('\n') ?? ''
          }\n\`\`\``,
        ]
      : []),
  ]
    .filter((part) => part !== '')
    .join('\n\n')
}

function Facts({ actor, now }: { actor: Actor; now: number }): JSX.Element {
  const {
    since,
    strategy,
    incarnation,
    restarts,
    pid,
    up,
    rss,
    inFlight,
    onHost,
    sessions,
    calls,
    failed,
    queued,
    ready,
    size,
  } = actor
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['in this state', running(now - since)],
    ['strategy', strategy],
    ['life', incarnation === undefined ? undefined : String(incarnation)],
    ['crashes', restarts && incarnation !== undefined ? String(restarts.crashes) : undefined],
    ['wanted restarts', restarts && incarnation !== undefined ? String(restarts.wanted) : undefined],
    ['pid', pid === undefined ? undefined : String(pid)],
    ['up', up === undefined ? undefined : running(now - up)],
    ['memory', rss === undefined ? undefined : `${Math.round(rss / 1_048_576)} MiB`],
    ['ready', size === undefined ? undefined : `${ready ?? 0} of ${size}`],
    ['in flight', inFlight === undefined ? undefined : String(inFlight)],
    ['wait for the host', onHost === undefined ? undefined : String(onHost)],
    ['queued', queued === undefined ? undefined : String(queued)],
    ['calls', calls === undefined ? undefined : String(calls)],
    ['failed calls', failed === undefined ? undefined : String(failed)],
    ['sessions', sessions === undefined ? undefined : String(sessions)],
    ['first seen', `${duration(now - actor.born)} ago`],
  ]
  return (
    <dl class="facts">
      {facts.flatMap(([name, text]) => (text === undefined ? [] : [<Fact name={name} text={text} key={name} />]))}
    </dl>
  )
}
