// The constants of the socket lane: the preamble, the header of a frame, and its kinds. `docs/protocol.md` describes
// them; the same constants in Python are in `terrarium/_lane.py`. Integers are little-endian.
import { PROTOCOL_VERSION } from '../version.ts'

/** How each direction begins. */
export const MAGIC = Buffer.from('TRM\x1a', 'latin1')

/** What each side sends once, before anything else: the magic, the version, and 16 bits that are 0. */
export const PREAMBLE = Buffer.concat([MAGIC, Buffer.from([PROTOCOL_VERSION, 0, 0, 0])])

/** u32 length of the body, u8 kind, u8 flags, u16 code, u32 id, u32 extra. */
export const HEADER_BYTES = 16

/** The frames of a worker. */
export const WORKER_KIND = {
  hello: 1,
  ready: 2,
  result: 3,
  failure: 4,
  pong: 5,
  part: 6,
  item: 7,
  progress: 8,
  hostCall: 9,
  hostCancel: 10,
  hostCredit: 11,
  want: 12,
} as const
/** The frames of a host. */
export const HOST_KIND = {
  welcome: 16,
  refused: 17,
  call: 18,
  cancel: 19,
  ping: 20,
  part: 21,
  credit: 22,
  hostResult: 23,
  hostFailure: 24,
  hostItem: 25,
  feed: 26,
  feedEnd: 27,
  sessionOpen: 28,
  sessionClose: 29,
} as const

export const FLAG = {
  /** Segments follow the msgpack of the body. */
  apart: 1,
  /** Part frames bring the rest of the body. */
  split: 2,
  /** Processors are free: the worker may spin while it waits for its next call. */
  spin: 4,
  /** The items of the tool are wanted. */
  stream: 8,
  /** The body begins with the number of a tool session. */
  session: 32,
  /** The caller wants to hear how far the call has come. */
  progress: 64,
} as const

/** The code of Refused. */
export const REFUSED_CODE = { protocol_mismatch: 1, token_refused: 2 } as const

/**
 * The longest body of one frame, in bytes; a longer one is split. The first frame of a split body has 4 more. It has
 * room for 1 MiB of bytes and what stands around them.
 */
export const FRAME_BYTES = (1024 + 64) * 1024

/** The longest Hello, in bytes: all that is read of a worker that has not presented a token. */
export const HELLO_BYTES = 64 * 1024

/** The most segments of a body. Bytes of less than 64 KiB need not travel apart. */
export const MOST_SEGMENTS = 4_096
