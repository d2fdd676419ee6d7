// The statechart of a machine: its active states lit, with the time in them, and the last transition.
import { useMemo } from 'preact/hooks'
import type { JSX } from 'preact'
import type { NodeView, StateValue, Transition } from '../src/shared/protocol.ts'
import { layOut, type Box, type Edge, type Point } from './chart-layout.ts'
import { duration, running } from './model.ts'

interface ChartProps {
  readonly root: NodeView
  readonly value: StateValue
  readonly isActive: boolean
  readonly since: number
  readonly now: number
  readonly transitions: readonly Transition[]
  /** The width of its place for a height of 1. */
  readonly shape?: number
}

/** How long the last transition stays lit, in ms. */
const LIT_MS = 1_200
/** A chart may be enlarged and made smaller by so much, to fit its place. */
const SCALES = { least: 0.65, most: 1.15 }

export function Chart({ root, value, isActive, since, now, transitions, shape }: ChartProps): JSX.Element {
  const box = useMemo(() => layOut(root, shape), [root, shape])
  const [width, height] = [box.width + 8, box.height + 8]
  const active = activeIds(root, value)
  const times = useMemo(() => timesOf(root, transitions), [root, transitions])
  const last = transitions.at(-1)
  const lit =
    last !== undefined && now - last[0] < LIT_MS ? { event: last[3], ids: activeIds(root, last[1]) } : undefined
  const textOf = (id: string): string => {
    if (active.has(id) && isActive) return `for ${running(now - Math.max(since, times.get(id)?.entered ?? since))}`
    const left = times.get(id)?.last
    return left === undefined ? '' : `was ${duration(left)}`
  }
  const { least, most } = shape === undefined ? SCALES : { least: SCALES.least, most: 0.9 }
  const view: View = { active, isActive, textOf, lit }
  return (
    <div class="chart-place">
      <svg
        class="chart"
        role="img"
        aria-label={`Statechart of ${root.key}, in state ${[...active].join(', ')}`}
        viewBox={`-4 -4 ${width} ${height}`}
        preserveAspectRatio="xMidYMin meet"
        style={{
          minWidth: `${width * least}px`,
          minHeight: `${height * least}px`,
          maxWidth: `${width * most}px`,
          maxHeight: `${height * most}px`,
        }}
      >
        <defs>
          <marker
            id="arrow"
            viewBox="0 0 8 8"
            refX="7"
            refY="4"
            markerUnits="userSpaceOnUse"
            markerWidth="8"
            markerHeight="8"
            orient="auto-start-reverse"
          >
            <path d="M0 0L8 4L0 8z" />
          </marker>
        </defs>
        <State box={box} view={view} depth={0} />
      </svg>
    </div>
  )
}

interface View {
  readonly active: ReadonlySet<string>
  readonly isActive: boolean
  readonly textOf: (id: string) => string
  readonly lit: { readonly event: string; readonly ids: ReadonlySet<string> } | undefined
}

function State({ box, view, depth }: { box: Box; view: View; depth: number }): JSX.Element {
  const { node, x, y, width, height, head, lines } = box
  const isOn = view.active.has(node.id)
  const classes = [
    'state',
    node.type,
    isOn ? 'on' : '',
    isOn && !view.isActive ? 'ended' : '',
    depth === 0 ? 'outer' : '',
  ]
  if (node.type === 'history')
    return (
      <g class={classes.join(' ')} transform={`translate(${x} ${y})`}>
        <circle cx={width / 2} cy={height / 2} r={15} />
        <text class="name" x={width / 2} y={height / 2 + 5} text-anchor="middle">
          H
        </text>
      </g>
    )
  return (
    <g class={classes.join(' ')} transform={`translate(${x} ${y})`}>
      <rect class="body" width={width} height={height} rx={7} />
      {node.type === 'final' && <rect class="inner" x={3} y={3} width={width - 6} height={height - 6} rx={5} />}
      {isOn && <rect class="mark" x={0} y={7} width={4} height={Math.min(height, head) - 14} />}
      {box.isInitial && <circle class="initial" cx={12} cy={17} r={3.5} />}
      <text class="name" x={box.isInitial ? 21 : 12} y={21}>
        {node.key}
      </text>
      <text class="time" x={12} y={36}>
        {view.textOf(node.id)}
      </text>
      {lines.map((line, index) => (
        <text class="line" x={12} y={51 + index * 15} key={line}>
          {line}
        </text>
      ))}
      {box.children.map((child) => (
        <State box={child} view={view} depth={depth + 1} key={child.node.id} />
      ))}
      {box.edges.map((edge) => (
        <Arrow edge={edge} isLit={isLit(edge, view)} key={`${edge.at.x} ${edge.at.y}`} />
      ))}
    </g>
  )
}

const isLit = ({ events }: Edge, { lit }: View): boolean =>
  lit !== undefined && events.some(({ event, source }) => event === lit.event && lit.ids.has(source))

function Arrow({ edge, isLit }: { edge: Edge; isLit: boolean }): JSX.Element {
  const { points, labels, at } = edge
  const top = at.y - ((labels.length - 1) * 13) / 2 + 4
  return (
    <g class={isLit ? 'edge lit' : 'edge'}>
      <path d={curve(points)} marker-end="url(#arrow)" />
      {labels.map((label, index) => (
        <text x={at.x} y={top + index * 13} text-anchor="middle" key={label}>
          {label}
        </text>
      ))}
    </g>
  )
}

/** A line that is smooth at each point but the ends. */
function curve(points: readonly Point[]): string {
  const [first, ...rest] = points
  if (first === undefined) return ''
  const parts = rest.map((point, index) => {
    const next = rest[index + 1]
    if (next === undefined) return `L${point.x} ${point.y}`
    return `Q${point.x} ${point.y} ${(point.x + next.x) / 2} ${(point.y + next.y) / 2}`
  })
  return `M${first.x} ${first.y}${parts.join('')}`
}

/** The ids of the state nodes that a value says are active. */
function activeIds(root: NodeView, value: StateValue): ReadonlySet<string> {
  const ids = new Set<string>([root.id])
  const visit = (node: NodeView, below: StateValue): void => {
    for (const [key, deeper] of typeof below === 'string' ? [[below, ''] as const] : Object.entries(below)) {
      const child = node.states?.find((each) => each.key === key)
      if (child === undefined) continue
      ids.add(child.id)
      visit(child, deeper ?? '')
    }
  }
  visit(root, value)
  return ids
}

/** When each node was last entered, and how long the last stay was, as far as the transitions tell. */
function timesOf(root: NodeView, transitions: readonly Transition[]): Map<string, { entered?: number; last?: number }> {
  const times = new Map<string, { entered?: number; last?: number }>()
  for (const [at, from, to] of transitions) {
    const [before, after] = [activeIds(root, from), activeIds(root, to)]
    for (const id of before) {
      const entered = times.get(id)?.entered
      if (!after.has(id)) times.set(id, entered === undefined ? {} : { last: at - entered })
    }
    for (const id of after) if (!before.has(id)) times.set(id, { ...times.get(id), entered: at })
  }
  return times
}
