// Shows a shortened value of the application, as far as one opens it.
import type { JSX } from 'preact'
import type { Value } from '../src/shared/protocol.ts'

export function ValueView({
  value,
  name,
  isOpen = false,
}: {
  value: Value
  name?: string
  isOpen?: boolean
}): JSX.Element {
  const label = name === undefined ? null : <span class="key">{name}: </span>
  const entries = entriesOf(value)
  if (entries === undefined)
    return (
      <div class="leaf">
        {label}
        <Scalar value={value} />
      </div>
    )
  const more = moreOf(value)
  if (entries.length === 0 && more === 0)
    return (
      <div class="leaf">
        {label}
        <span class="opaque">empty</span>
      </div>
    )
  return (
    <details open={isOpen}>
      <summary>
        {label}
        <span class="brief">{inBrief(value)}</span>
      </summary>
      {entries.map(([key, item]) => (
        <ValueView value={item} name={key} key={key} isOpen={false} />
      ))}
      {more > 0 && <div class="leaf opaque">{more} more left out</div>}
    </details>
  )
}

function Scalar({ value }: { value: Value }): JSX.Element {
  if (typeof value !== 'object' || value === null) return <span class={typeof value}>{JSON.stringify(value)}</span>
  if ('s' in value)
    return (
      <span class="string">
        {JSON.stringify(value.s)}
        <span class="opaque"> and {value.more} more</span>
      </span>
    )
  return <span class="opaque">{'x' in value ? value.x : ''}</span>
}

/** Undefined for what has no parts. */
function entriesOf(value: Value): readonly (readonly [string, Value])[] | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  if ('a' in value) return value.a.map((item, index) => [String(index), item] as const)
  return 'o' in value ? value.o : undefined
}

function moreOf(value: Value): number {
  return typeof value === 'object' && value !== null && !('x' in value) ? (value.more ?? 0) : 0
}

/** A value in one line. */
export function inBrief(value: Value, room = 60): string {
  if (typeof value === 'string') return JSON.stringify(value.length > room ? `${value.slice(0, room)}…` : value)
  if (typeof value !== 'object' || value === null) return String(value)
  if ('x' in value) return value.x
  if ('s' in value) return JSON.stringify(`${value.s.slice(0, room)}…`)
  const entries = entriesOf(value) ?? []
  const isList = 'a' in value
  const parts: string[] = []
  let left = room
  for (const [key, item] of entries) {
    const text = isList ? inBrief(item, 16) : `${key}: ${inBrief(item, 16)}`
    left -= text.length
    if (left < 0) break
    parts.push(text)
  }
  const isCut = parts.length < entries.length || moreOf(value) > 0
  const inside = [...parts, ...(isCut ? ['…'] : [])].join(', ')
  const name = 'n' in value ? `${value.n} ` : ''
  return isList ? `[${inside}]` : `${name}{ ${inside} }`
}
