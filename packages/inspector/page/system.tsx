// The page of the system: what each program stands on, and the ledger of its runs: which processes live, and what
// became of those that earlier runs had left.
import { useEffect, useState } from 'preact/hooks'
import type { JSX } from 'preact'
import type { SweptRecord, SystemPart } from '../src/shared/protocol.ts'
import type { Model, Picture, Source } from './model.ts'

/** Time between two looks, in ms. */
const EVERY = 3_000

const FATES: Readonly<Record<SweptRecord['fate'], string>> = {
  alive: 'lives',
  killed: 'killed by the sweep',
  removed: 'run removed',
  dropped: 'let go',
  left: 'left alone',
}

export function System({ picture, model }: { picture: Picture; model: Model }): JSX.Element {
  return (
    <main class="system" tabIndex={0}>
      {picture.sources
        .filter(({ hello }) => hello?.asks?.includes('system') === true)
        .map((source) => (
          <Program source={source} model={model} key={source.key} />
        ))}
    </main>
  )
}

function Program({ source, model }: { source: Source; model: Model }): JSX.Element {
  const [parts, setParts] = useState<readonly SystemPart[] | undefined>()
  const [records, setRecords] = useState<readonly SweptRecord[] | undefined>()
  useEffect(() => {
    const look = (): void => {
      void model.ask(source, { what: 'system' }).then((answer) => {
        if (answer.t === 'answer') setParts(answer.system)
      })
      void model.ask(source, { what: 'sweeps' }).then((answer) => {
        if (answer.t === 'answer') setRecords(answer.sweeps)
      })
    }
    look()
    const timer = setInterval(look, EVERY)
    return () => {
      clearInterval(timer)
    }
  }, [model, source])
  return (
    <>
      <section class="panel" aria-label="System">
        <header>
          <h2>{source.hello?.name}: what it stands on</h2>
        </header>
        <div class="cards">
          {(parts ?? []).map(({ title, facts }) => (
            <div class="card" key={title}>
              <h3>{title}</h3>
              <dl>
                {facts.map(([name, value]) => (
                  <div key={name}>
                    <dt>{name}</dt>
                    <dd>{value}</dd>
                  </div>
                ))}
              </dl>
            </div>
          ))}
          {parts === undefined && <p class="quiet">The answer is on its way.</p>}
        </div>
      </section>
      <section class="panel" aria-label="Ledger">
        <header>
          <h2>Processes of this run, and what was found of earlier runs</h2>
        </header>
        <table>
          <thead>
            <tr>
              <th>run</th>
              <th>pid</th>
              <th>fate</th>
              <th>why</th>
            </tr>
          </thead>
          <tbody>
            {(records ?? []).map(({ run, pid, fate, text }, index) => (
              <tr key={index} class={fate}>
                <td>{run}</td>
                <td>{pid ?? ''}</td>
                <td>{FATES[fate]}</td>
                <td>{text}</td>
              </tr>
            ))}
          </tbody>
        </table>
        {records?.length === 0 && <p class="quiet more">There is no process, and nothing was found of earlier runs.</p>}
      </section>
    </>
  )
}
