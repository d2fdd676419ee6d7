// Damages byte strings in the ways in which bytes go wrong: bits, fields, lengths, order.
import type { Random } from '../support/random.ts'

/** Numbers at which parsers go wrong. */
const EDGES = [0, 1, 2, 3, 4, 15, 16, 17, 127, 128, 255, 256, 0xffff, 0x10000, 2 ** 20, 2 ** 20 + 4, 2 ** 28, 2 ** 31, 2 ** 32 - 1] // prettier-ignore

type Mutation = (frame: Buffer, random: Random) => Buffer

const MUTATIONS: readonly Mutation[] = [
  /** A bit. */
  (frame, random) => set(frame, random, (byte) => byte ^ (1 << random.between(0, 7))),
  /** A byte. */
  (frame, random) => set(frame, random, () => random.between(0, 255)),
  /** A number of the size of a field, most of them in the header. */
  (frame, random) => {
    const size = random.pick([1, 2, 4])
    const last = Math.min(frame.length, random.chance(0.7) ? 16 : frame.length) - size
    if (last < 0) return frame
    const at = random.between(0, last)
    const value = random.chance(0.7) ? random.pick(EDGES) : Math.floor(random.next() * 2 ** 32)
    const copy = Buffer.from(frame)
    copy.writeUIntLE(value % 2 ** (8 * size), at, size)
    return copy
  },
  /** A length that is off by a few. */
  (frame, random) => {
    if (frame.length < 4) return frame
    const copy = Buffer.from(frame)
    copy.writeUInt32LE((copy.readUInt32LE() + random.between(-5, 5) + 2 ** 32) % 2 ** 32)
    return copy
  },
  (frame, random) => frame.subarray(0, random.between(0, frame.length)),
  (frame, random) => {
    const at = random.between(0, frame.length)
    return Buffer.concat([frame.subarray(0, at), bytes(random, random.between(1, 40)), frame.subarray(at)])
  },
  (_, random) => bytes(random, random.between(1, 100)),
]

/** Damages one of the frames, or their order, and returns the new list. */
export function mutate(frames: readonly Buffer[], random: Random): Buffer[] {
  const all = [...frames]
  const at = random.between(0, all.length - 1)
  const frame = all[at]
  if (frame === undefined) return all
  const other = random.between(0, all.length - 1)
  switch (random.between(0, 9)) {
    case 0:
      all.splice(at, 0, frame)
      break
    case 1:
      all.splice(at, 1)
      break
    case 2:
      all[at] = all[other] ?? frame
      all[other] = frame
      break
    default:
      all[at] = random.pick(MUTATIONS)(frame, random)
  }
  return all
}

function set(frame: Buffer, random: Random, change: (byte: number) => number): Buffer {
  if (frame.length === 0) return frame
  const copy = Buffer.from(frame)
  const at = random.between(0, copy.length - 1)
  copy[at] = change(copy[at] as number)
  return copy
}

export const bytes = (random: Random, length: number): Buffer =>
  Buffer.from(Array.from({ length }, () => random.between(0, 255)))
