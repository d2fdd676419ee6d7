// Questions about the selected actor, which its supervisor answers: why it is as it is, and what would follow from a
// failure.
import { useEffect, useState } from 'preact/hooks'
import type { JSX } from 'preact'
import type { Answer, Foretold, Question, Refusal } from '../src/shared/protocol.ts'
import { duration, type Actor, type Model } from './model.ts'

interface Failure {
  readonly name: string
  readonly error: string
  readonly phase: 'start' | 'run'
  readonly code?: string
}

/** Failures that can be imagined. */
const FAILURES: readonly Failure[] = [
  { name: 'crashes', code: 'WORKER_CRASHED', phase: 'run', error: 'it has crashed' },
  { name: 'throws an error', phase: 'run', error: 'something went wrong' },
  { name: 'cannot start: wrong configuration', code: 'CONFIGURATION', phase: 'start', error: 'a module is missing' },
]

export function Questions({ actor, model }: { actor: Actor; model: Model }): JSX.Element | null {
  const [answer, setAnswer] = useState<Answer | Refusal | undefined>()
  const [failure, setFailure] = useState(0)
  const { source, id } = actor
  useEffect(() => {
    setAnswer(undefined)
  }, [actor.key])
  if (actor.above === undefined || source.hello?.asks?.includes('explain') !== true) return null
  const ask = (question: Question): void => {
    void model.ask(source, question).then(setAnswer)
  }
  const { code, phase = 'run', error = '' } = FAILURES[failure] ?? {}
  return (
    <div class="questions">
      <div class="line">
        <button
          type="button"
          onClick={() => {
            ask({ what: 'explain', actor: id })
          }}
        >
          Explain
        </button>
        <label>
          What if it{' '}
          <select
            value={failure}
            onChange={({ currentTarget }) => {
              setFailure(Number(currentTarget.value))
            }}
          >
            {FAILURES.map(({ name }, index) => (
              <option value={index} key={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <button
          type="button"
          onClick={() => {
            ask({ what: 'whatIf', actor: id, error, phase, ...(code === undefined ? {} : { code }) })
          }}
        >
          Ask
        </button>
      </div>
      <div class="answer" role="status">
        {answer?.t === 'error' && `${answer.message}. ${answer.hint}`}
        {answer?.t === 'answer' && answer.explain !== undefined && (
          <>
            <p>{answer.explain.sentence}</p>
            {answer.explain.ways.length > 0 && (
              <p class="quiet">It is started again by {answer.explain.ways.join(', or ')}.</p>
            )}
          </>
        )}
        {answer?.t === 'answer' && answer.whatIf !== undefined && <Imagined told={answer.whatIf} />}
      </div>
    </div>
  )
}

function Imagined({ told }: { told: Foretold }): JSX.Element {
  const { sentence, steps, left, budget, escalates } = told
  return (
    <>
      <p>{sentence}</p>
      {escalates !== undefined && <p class="bad">The supervisor would give up: {escalates}</p>}
      <ol>
        {steps.map(([at, what, id, more], index) => (
          <li key={index}>
            <span class="quiet">{at === 0 ? 'at once' : `after ${duration(at)}`}</span> {what} <b>{id}</b> {more}
          </li>
        ))}
      </ol>
      {left > 0 && <p class="quiet">and {left} steps more.</p>}
      <p class="quiet">
        Restarts that count: {budget.before} before, {budget.after} after, of {budget.intensity}. Nothing has happened.
      </p>
    </>
  )
}
