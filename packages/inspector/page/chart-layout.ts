// Where the states and transitions of a statechart are drawn. Each compound state is laid out by itself, from the
// inside out: a transition belongs to the innermost state that has both of its ends inside, and is drawn between the
// children of that state. A transition to a state above or below its source, or to no other, is text in the source.
import { graphlib, layout } from '@dagrejs/dagre'
import type { NodeView, TransitionView } from '../src/shared/protocol.ts'

export interface Box {
  readonly node: NodeView
  /** Of the upper left corner, within the box around. */
  x: number
  y: number
  width: number
  height: number
  /** Where the children begin. */
  readonly head: number
  /** Below the name: what is invoked, and transitions that are not drawn. */
  readonly lines: readonly string[]
  readonly isInitial: boolean
  readonly children: readonly Box[]
  readonly edges: readonly Edge[]
}

export interface Edge {
  readonly points: readonly Point[]
  readonly labels: readonly string[]
  readonly at: Point
  /** What it is for: the events, with the state that has the transition. */
  readonly events: readonly { readonly event: string; readonly source: string }[]
}

export interface Point {
  readonly x: number
  readonly y: number
}

interface Drawn {
  readonly from: string
  readonly to: string
  readonly labels: string[]
  readonly events: { readonly event: string; readonly source: string }[]
}

const LINE = 15
const HEAD = 26
/** Place for the time in a state. */
const TIME = 15
const PAD = 12
const MOST_LINES = 6
const MOST_LABELS = 4
const SHAPE = 1.5
/** Above this many children only one direction is tried. */
const FEW = 40
/** Most boxes in a row of those without transitions. */
const WIDEST = 12

const pen = document.createElement('canvas').getContext('2d')

function widthOf(text: string, font: string): number {
  if (pen === null) return text.length * 7
  pen.font = font
  return pen.measureText(text).width
}

const NAME_FONT = '600 13px system-ui, sans-serif'
const LINE_FONT = '11px system-ui, sans-serif'

/** Lays a machine out. `shape`: the width of its place for a height of 1. */
export function layOut(root: NodeView, shape = SHAPE): Box {
  const paths = new Map<string, readonly NodeView[]>()
  note(root, [], paths)
  return boxOf(root, paths, false, shape)
}

/** From the root to each node. */
function note(node: NodeView, above: readonly NodeView[], paths: Map<string, readonly NodeView[]>): void {
  const path = [...above, node]
  paths.set(node.id, path)
  for (const child of node.states ?? []) note(child, path, paths)
}

type Paths = ReadonlyMap<string, readonly NodeView[]>

function boxOf(node: NodeView, paths: Paths, isInitial: boolean, shape: number): Box {
  const lines = linesOf(node, paths)
  const head = HEAD + TIME + lines.length * LINE
  const children = (node.states ?? []).map((child) => boxOf(child, paths, child.key === node.initial, shape))
  const texts = lines.map((line) => widthOf(line, LINE_FONT))
  const own = Math.max(92, widthOf(node.key, NAME_FONT) + 34, ...texts.map((width) => width + 2 * PAD))
  if (children.length === 0) {
    const size = node.type === 'history' ? { width: 40, height: 40 } : { width: own, height: head + 3 }
    return { node, x: 0, y: 0, ...size, head, lines, isInitial, children, edges: [] }
  }
  const { width, height, edges } = arrange(children, drawnIn(node, paths), shape)
  for (const child of children) {
    child.x += PAD
    child.y += head
  }
  const moved = edges.map((edge) => ({
    ...edge,
    points: edge.points.map(({ x, y }) => ({ x: x + PAD, y: y + head })),
    at: { x: edge.at.x + PAD, y: edge.at.y + head },
  }))
  const size = { width: Math.max(own, width + 2 * PAD), height: head + height + PAD }
  return { node, x: 0, y: 0, ...size, head, lines, isInitial, children, edges: moved }
}

/** What of a node is text. */
function linesOf(node: NodeView, paths: Paths): string[] {
  const invoked = (node.invoke ?? []).map((name) => `invoke ${name}`)
  const texts = (node.on ?? []).flatMap((transition) => {
    const others = transition.targets.filter((id) => isDrawn(node, id, paths))
    if (others.length > 0 && others.length === transition.targets.length) return []
    const targets = transition.targets
      .filter((id) => !others.includes(id))
      .map((id) => paths.get(id)?.at(-1)?.key ?? id)
    return `${labelOf(transition)}${targets.length > 0 ? ` → ${targets.join(', ')}` : ''}`
  })
  const all = [...invoked, ...new Set(texts)].map((line) => (line.length > 44 ? `${line.slice(0, 43)}…` : line))
  const more = node.more === undefined ? [] : [`${node.more} states are left out`]
  if (all.length <= MOST_LINES) return [...all, ...more]
  return [...all.slice(0, MOST_LINES - 1), `and ${all.length - MOST_LINES + 1} more`, ...more]
}

/** Neither end is inside of the other. */
function isDrawn(node: NodeView, target: string, paths: Paths): boolean {
  const [source, path] = [paths.get(node.id), paths.get(target)]
  if (source === undefined || path === undefined) return false
  return !source.some(({ id }) => id === target) && !path.some(({ id }) => id === node.id)
}

function labelOf({ event, guard, actions = [] }: TransitionView): string {
  const done = actions.length > 0 ? ` / ${actions.join(', ')}` : ''
  const text = `${event}${guard === undefined ? '' : ` [${guard}]`}`
  return text.length + done.length <= 34 ? text + done : text
}

/** The transitions that are drawn between the children of a node. */
function drawnIn(node: NodeView, paths: Paths): Drawn[] {
  const drawn = new Map<string, Drawn>()
  const visit = (source: NodeView): void => {
    for (const transition of source.on ?? [])
      for (const target of transition.targets) if (isDrawn(source, target, paths)) add(source, target, transition)
    for (const child of source.states ?? []) visit(child)
  }
  const add = (source: NodeView, target: string, transition: TransitionView): void => {
    const [from, to] = [childOf(node, source.id, paths), childOf(node, target, paths)]
    if (from === undefined || to === undefined || from === to) return
    const key = `${from.id}\n${to.id}`
    const edge = drawn.get(key) ?? { from: from.id, to: to.id, labels: [], events: [] }
    drawn.set(key, edge)
    const [before, after] = [
      from.id === source.id ? '' : `${source.key}: `,
      to.id === target ? '' : ` → ${keyOf(target, paths)}`,
    ]
    edge.labels.push(`${before}${labelOf(transition)}${after}`)
    edge.events.push({ event: transition.event, source: source.id })
  }
  for (const child of node.states ?? []) visit(child)
  return [...drawn.values()]
}

const keyOf = (id: string, paths: Paths): string => paths.get(id)?.at(-1)?.key ?? id

/** The child of a node that a node is, or is inside of. */
function childOf(node: NodeView, id: string, paths: Paths): NodeView | undefined {
  const path = paths.get(id) ?? []
  return path[path.findIndex((each) => each.id === node.id) + 1]
}

/** What is used of a graph of dagre, whose own declarations do not resolve. */
interface LayoutGraph {
  setGraph(label: object): void
  setDefaultEdgeLabel(label: () => object): void
  setNode(id: string, label: object): void
  setEdge(from: string, to: string, label: object): void
  node(id: string): Point
  edge(from: string, to: string): Point & { readonly points: readonly Point[] }
  graph(): Partial<Size>
}

const { Graph } = graphlib as unknown as { readonly Graph: new () => LayoutGraph }
const runDagre = layout as unknown as (graph: LayoutGraph) => void

interface Size {
  readonly width: number
  readonly height: number
}

interface Arranged extends Size {
  readonly edges: readonly Edge[]
}

/** Places the children, and answers how much room they take. */
function arrange(children: readonly Box[], drawn: readonly Drawn[], shape: number): Arranged {
  const linked = new Set(drawn.flatMap(({ from, to }) => [from, to]))
  const [inGraph, alone] = [
    children.filter(({ node }) => linked.has(node.id)),
    children.filter(({ node }) => !linked.has(node.id)),
  ]
  const graph = inGraph.length === 0 ? { width: 0, height: 0, edges: [] } : best(inGraph, drawn, shape)
  const grid = pack(alone, graph.height === 0 ? 0 : graph.height + PAD, graph.width)
  return { width: Math.max(graph.width, grid.width), height: Math.max(graph.height, grid.height), edges: graph.edges }
}

/** In rows, of such a width that the whole is about as wide as a screen is. */
function pack(boxes: readonly Box[], top: number, atLeast: number): Size {
  if (boxes.length === 0) return { width: 0, height: 0 }
  const ends: number[] = []
  for (const { width } of boxes.slice(0, WIDEST)) ends.push((ends.at(-1) ?? -PAD) + PAD + width)
  const limits = ends.map((end) => Math.max(end, atLeast, ...boxes.map(({ width }) => width)))
  const [limit = 0] = limits
  return place(
    boxes,
    top,
    limits.reduce((best, each) => (room(place(boxes, top, each)) > room(place(boxes, top, best)) ? each : best), limit),
  )
}

/** How large the whole may be drawn. */
const room = ({ width, height }: Size, shape = SHAPE): number => Math.min(shape / width, 1 / height)

function place(boxes: readonly Box[], top: number, limit: number): Size {
  let [x, y, row, widest] = [0, top, 0, 0]
  for (const box of boxes) {
    if (x > 0 && x + box.width > limit) {
      y += row + PAD
      x = 0
      row = 0
    }
    box.x = x
    box.y = y
    x += box.width + PAD
    row = Math.max(row, box.height)
    widest = Math.max(widest, x - PAD)
  }
  return { width: widest, height: y + row }
}

/** The direction in which the children can be drawn larger. */
function best(boxes: readonly Box[], drawn: readonly Drawn[], shape: number): Arranged {
  const right = dagre(boxes, drawn, 'LR')
  if (boxes.length > FEW) return right
  const placed = boxes.map(({ x, y }) => ({ x, y }))
  const down = dagre(boxes, drawn, 'TB')
  if (room(down, shape) >= room(right, shape)) return down
  for (const [index, box] of boxes.entries()) Object.assign(box, placed[index])
  return right
}

function dagre(boxes: readonly Box[], drawn: readonly Drawn[], rankdir: 'LR' | 'TB'): Arranged {
  const graph = new Graph()
  graph.setGraph({ rankdir, nodesep: 26, ranksep: 34, edgesep: 14, marginx: 2, marginy: 10 })
  graph.setDefaultEdgeLabel(() => ({}))
  for (const { node, width, height } of boxes) graph.setNode(node.id, { width, height })
  for (const { from, to, labels } of drawn) {
    const shown = shorten(labels)
    const width = Math.max(...shown.map((text) => widthOf(text, LINE_FONT))) + 8
    graph.setEdge(from, to, { width, height: shown.length * 13 + 4, labelpos: 'c' })
  }
  runDagre(graph)
  for (const box of boxes) {
    const { x, y } = graph.node(box.node.id)
    box.x = x - box.width / 2
    box.y = y - box.height / 2
  }
  const edges = drawn.map(({ from, to, labels, events }) => {
    const { points, x, y } = graph.edge(from, to)
    return { points, labels: shorten(labels), at: { x, y }, events }
  })
  const { width = 0, height = 0 } = graph.graph()
  return { width, height, edges }
}

function shorten(labels: readonly string[]): string[] {
  const all = [...new Set(labels)]
  return all.length <= MOST_LABELS
    ? all
    : [...all.slice(0, MOST_LABELS - 1), `and ${all.length - MOST_LABELS + 1} more`]
}
