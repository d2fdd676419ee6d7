// Divergences as text.
import type { Divergence } from './differential.ts'
import type { Node, Scenario, Step } from './scenario.ts'
import type { Observed, Trace } from './trace.ts'

/** A divergence as text: the tree, the steps, both traces, and the command that repeats it. */
export function formatDivergence(divergence: Divergence, seed: number): string {
  const { index, scenario, erlang, terrarium, difference, isRepeatable } = divergence
  const timing = isRepeatable ? [] : ['not in one more run of the same scenario: the difference depends on timing']
  return [
    `divergence at index ${index}, replay: npm run differential -- --seed ${seed} --only ${index}`,
    `first difference: step ${difference + 1}, marked >`,
    ...timing,
    '',
    ...formatNode(scenario.root, '  '),
    '',
    ...sideBySide(rowsOf(scenario, erlang, terrarium, difference)),
    '',
    `  as data: ${JSON.stringify(scenario)}`,
  ].join('\n')
}

function formatNode(node: Node, indent: string): string[] {
  const { name, restart, shutdown, significant } = node
  const words = [name, restart, ...(shutdown === 'default' ? [] : [`shutdown ${shutdown}`])]
  if (significant) words.push('significant')
  if (node.type === 'worker')
    return [`${indent}${[...words, ...(node.asked === 'obey' ? [] : [node.asked])].join(' ')}`]
  const auto = node.autoShutdown === 'never' ? [] : [`auto_shutdown ${node.autoShutdown}`]
  return [
    `${indent}${[...words, node.strategy, `intensity ${node.intensity}`, ...auto].join(' ')}`,
    ...node.children.flatMap((child) => formatNode(child, `${indent}  `)),
  ]
}

function formatStep(step: Step): string {
  switch (step.do) {
    case 'boot':
    case 'resume':
      return step.do
    case 'script':
      return `script ${step.child} ${step.outcomes.join(' ')}`
    case 'hold':
    case 'kill':
      return `${step.do} ${step.child}`
    case 'release':
      return `release ${step.outcome}`
    case 'pause':
      return `pause ${step.supervisor}`
    case 'end':
      return `end ${step.child} ${step.reason}`
    case 'stop':
      return `stop ${step.supervisor} ${step.reason}`
    case 'startChild':
      return `${step.supervisor} startChild ${formatNode(step.spec, '').join(',')}`
    case 'startInstance':
      return `${step.supervisor} startChild ${step.child}`
    case 'whichChildren':
    case 'countChildren':
      return `${step.supervisor} ${step.do}`
    default:
      return `${step.supervisor} ${step.do} ${step.child}${step.by === 'id' ? '' : ` by ${step.by}`}`
  }
}

type Row = readonly [mark: string, erlang: string, terrarium: string]

function rowsOf({ steps }: Scenario, erlang: Trace, terrarium: Trace, difference: number): Row[] {
  const length = Math.max(erlang.length, terrarium.length)
  const rows: Row[] = [['', 'Erlang/OTP', 'Terrarium']]
  for (let index = 0; index < length; index += 1) {
    const step = steps[index]
    const title = step === undefined ? (index === steps.length ? 'final tree' : 'end') : formatStep(step)
    rows.push([index === difference ? '>' : ' ', `${index + 1}. ${title}`, ''])
    const [left, right] = [linesOf(erlang[index]), linesOf(terrarium[index])]
    for (let line = 0; line < Math.max(left.length, right.length); line += 1) {
      rows.push(['', `   ${left[line] ?? ''}`, `   ${right[line] ?? ''}`])
    }
  }
  return rows
}

function linesOf(observed: Observed | undefined): string[] {
  if (observed === undefined) return ['(nothing)']
  return [...observed.events, ...(observed.result === '' ? [] : [`= ${observed.result}`])]
}

function sideBySide(rows: readonly Row[]): string[] {
  const width = Math.max(...rows.map(([, left]) => left.length))
  return rows.map(([mark, left, right]) => `${mark.padEnd(2)}${left.padEnd(width)}  ${right}`.trimEnd())
}
