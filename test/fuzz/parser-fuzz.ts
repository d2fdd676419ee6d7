// The fuzz of the host's parser of the socket lane: what it says of damaged bytes has to be what the reader of
// docs/protocol.md says.
import { encode } from '@terrarium/worker'
import { isDeepStrictEqual } from 'node:util'
import type { Random } from '../support/random.ts'
import { apart, FAILURE, frame, HELLO, HOST_CALL, HOST_CANCEL, HOST_CREDIT, ITEM, PONG, PROGRESS, read, READY, RESULT, split, WANT, type ReadFrame } from './lane-frames.ts' // prettier-ignore
import { bytes, mutate } from './mutate.ts'

/** What is used of the parser, which no package exports. */
interface ParserModule {
  readonly LaneParser: new (onFrame: (frame: WorkerFrame) => void) => { take(chunk: Buffer): void }
}

/** A frame as the parser has it. */
interface WorkerFrame {
  readonly kind: string
  readonly id?: number
  readonly code?: number
  readonly nonce?: number
  readonly running?: number
  /** Of a host call. */
  readonly call?: number
  readonly isStream?: boolean
  readonly body?: Encoded
  /** Of a feed. */
  readonly feed?: number
  /** Credit. */
  readonly bytes?: number
  readonly value?: Encoded
}

interface Encoded {
  readonly bytes: Buffer
  readonly segments: readonly Buffer[]
}

const { LaneParser } = (await import(
  new URL('../../../packages/worker/dist/lane/parser.js', import.meta.url).href
)) as ParserModule

const KINDS: Readonly<Record<string, number>> = {
  hello: HELLO,
  ready: READY,
  result: RESULT,
  failure: FAILURE,
  pong: PONG,
  item: ITEM,
  progress: PROGRESS,
  hostCall: HOST_CALL,
  hostCancel: HOST_CANCEL,
  hostCredit: HOST_CREDIT,
  want: WANT,
}
const STREAM = 8

/** Plays one case. Returns how many frames it had; throws an Error that says what was wrong. */
export function playParserCase(random: Random): number {
  let frames = validFrames(random)
  const first = frames.shift() as Buffer
  for (let n = random.between(1, 2); n > 0 && frames.length > 0; n -= 1) frames = mutate(frames, random)
  // Now and then the Hello too.
  const all = random.chance(0.05) ? mutate([first, ...frames], random) : [first, ...frames]
  const data = Buffer.concat(all)
  const expected = read(data)
  const got: WorkerFrame[] = []
  const parser = new LaneParser((each) => got.push(each))
  let fault: string | undefined
  try {
    for (let at = 0; at < data.length;) {
      const size = random.pick([1, 3, 16, 17, 100, 2 ** 20])
      parser.take(data.subarray(at, at + size))
      at += size
    }
  } catch (error) {
    if (!(error instanceof TypeError) || !isClear(error.message)) throw error
    fault = error.message
  }
  const shown = `${data.toString('hex')}: the parser says ${String(fault)}, the page ${String(expected.isWrong)}`
  const seen = got.map(simple)
  const wanted = expected.frames.map(simplified)
  if (!isDeepStrictEqual(seen, wanted.slice(0, seen.length))) throw new Error(`other frames: ${shown}`)
  const isAll = seen.length === wanted.length
  // Whether a map is one is not the reader's to say.
  const isAtMap = [HELLO, READY, FAILURE, PROGRESS].includes(expected.frames[seen.length]?.kind ?? 0)
  const isRight = fault === undefined ? isAll && !expected.isWrong : (isAll && expected.isWrong) || isAtMap
  if (!isRight) throw new Error(`another verdict: ${shown}`)
  return all.length
}

/** A fault that a reader of the log understands: no message of JavaScript itself. */
export const isClear = (fault: string): boolean =>
  fault !== '' && fault.length <= 500 && !/undefined|Cannot |is not a function|not iterable|ERR_|NaN/.test(fault)

function simple(frame: WorkerFrame): unknown {
  const { kind, id = 0, code = 0, nonce, running, call, isStream = false, feed, bytes: credit } = frame
  const value = frame.value ?? frame.body
  const hex =
    value === undefined ? [] : [value.bytes, ...value.segments].map((each) => Buffer.from(each).toString('hex'))
  return [KINDS[kind], nonce ?? id, feed ?? code, running ?? call ?? credit ?? 0, isStream, hex]
}

function simplified({ kind, flags, id, code, extra, data, segments }: ReadFrame): unknown {
  const hex = [RESULT, ITEM, HOST_CALL].includes(kind) ? [data, ...segments].map((each) => each.toString('hex')) : []
  return [kind, id, code, extra, (flags & STREAM) !== 0, hex]
}

/** Frames that a worker may send, Hello first. */
function validFrames(random: Random): Buffer[] {
  const all = [
    frame({ kind: HELLO }, encode({ token: 't', pid: 7, package: '0', python: '3', begun: random.chance(0.5) })),
    frame({ kind: READY }, encode({ tools: [{ name: 'echo', isAsync: false, summary: '' }] })),
  ]
  for (let id = 1; id <= 5; id += 1) {
    const data = encode({ text: 'x'.repeat(random.between(0, 60)), n: random.between(0, 2 ** 30) })
    const pieces = (): number[] => Array.from({ length: random.between(1, 3) }, () => random.between(1, 12))
    switch (random.between(0, 10)) {
      case 0:
        all.push(frame({ kind: PONG, id: random.between(0, 2 ** 32 - 1), extra: id }))
        break
      case 1:
        all.push(frame({ kind: FAILURE, id, code: random.between(0, 9) }, encode({ message: 'no', notBegun: true })))
        break
      case 2:
        all.push(...split({ kind: random.chance(0.5) ? RESULT : ITEM, id }, data, pieces()))
        break
      case 3: {
        const segments = Array.from({ length: random.between(1, 3) }, () => bytes(random, random.between(1, 20)))
        const body = apart(data, ...segments)
        if (random.chance(0.5)) all.push(...split({ kind: RESULT, flags: 1, id }, body, [random.between(1, 30)]))
        else all.push(frame({ kind: RESULT, flags: 1, id }, body))
        break
      }
      case 4:
        all.push(frame({ kind: PROGRESS, id }, encode({ done: random.between(0, 9), total: null, text: 'half' })))
        break
      case 5: {
        const head = { kind: HOST_CALL, id, extra: random.between(0, 5), flags: random.pick([0, STREAM]) }
        const body = apart(data, bytes(random, random.between(1, 20)))
        const forms = [
          [frame(head, data)],
          split(head, data, pieces()),
          [frame({ ...head, flags: head.flags | 1 }, body)],
        ]
        all.push(...random.pick(forms))
        break
      }
      case 6:
        all.push(frame({ kind: HOST_CANCEL, id }))
        break
      case 7:
        all.push(frame({ kind: HOST_CREDIT, id, extra: random.between(0, 2 ** 32 - 1) }))
        break
      case 8:
        all.push(frame({ kind: WANT, id, code: random.between(0, 300), extra: random.between(0, 2 ** 32 - 1) }))
        break
      default:
        all.push(frame({ kind: RESULT, id }, data))
    }
  }
  return all
}
