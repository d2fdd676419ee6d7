// Times and sizes for a person.
const UNITS = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'm'],
  [1_000, 's'],
] as const

/** A duration in its largest whole unit: `3h`. Below a second `0s`. */
export function duration(ms: number): string {
  const [size, unit] = UNITS.find(([each]) => ms >= each) ?? [1_000, 's']
  return `${Math.floor(Math.max(0, ms) / size)}${unit}`
}

/** Bytes in MiB. */
export const mebibytes = (bytes: number): string => `${Math.round(bytes / 1_048_576)}M`

/** The local time of day: `06:58:49.123`. */
export function timeOfDay(at: number): string {
  const date = new Date(at)
  const two = (n: number): string => String(n).padStart(2, '0')
  const ms = String(date.getMilliseconds()).padStart(3, '0')
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${ms}`
}
