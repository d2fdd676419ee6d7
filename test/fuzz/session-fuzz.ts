// The fuzz of the host's end of sessions: workers greet as they should, and then send damaged frames, over a real
// socket. Each session ends with one clear error or with its connection, each call is settled once, and a session
// beside it goes on.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { TerrariumError } from '@terrarium/supervisor'
import { encode, PROTOCOL_VERSION, SessionServer, type Session } from '@terrarium/worker'
import type { Random } from '../support/random.ts'
import type { Transport } from '../support/transport.ts'
import { within } from '../support/waiting.ts'
import { apart, FAILURE, frame, HELLO, numbers, PONG, preamble, READY, RESULT, split } from './lane-frames.ts'
import { bytes, mutate } from './mutate.ts'
import { isClear } from './parser-fuzz.ts'

const CALLS = 5
const PATIENCE = 5_000
/** The first worker of gRPC has the host load it, which takes seconds where processors are scarce. */
const FIRST_PATIENCE = 30_000
/** So many cases apart the session beside them is called. */
const WITNESS_EVERY = 50

/** How a worker of one transport speaks. */
interface Speech {
  /** Connects, and says Hello and Ready. */
  greet(path: string, token: string): Promise<Voice>
  result(id: number, value: unknown, random: Random | undefined): Buffer[]
  failure(id: number, code: number): Buffer
  pong(nonce: number): Buffer
}

/** One connection of a worker. */
interface Voice {
  /** Sends frames that are as they should be. */
  say(frames: readonly Buffer[]): void
  /** Sends damaged frames: as many messages as there are, or as bytes in pieces. */
  garble(frames: readonly Buffer[], random: Random): void
  /** Calls back with the id of each call that comes. */
  onCall(listener: (id: number) => void): void
  end(): void
}

const lane: Speech = {
  async greet(path, token) {
    const socket = connect(path)
    socket.on('error', () => undefined)
    await once(socket, 'connect')
    const hello = { token, pid: process.pid, package: 'fuzz', python: '3', begun: false }
    const ready = { tools: [{ name: 'echo', isAsync: false, summary: '' }] }
    socket.write(Buffer.concat([preamble(PROTOCOL_VERSION), frame({ kind: HELLO }, encode(hello)), frame({ kind: READY }, encode(ready))])) // prettier-ignore
    return new LaneVoice(socket)
  },
  result(id, value, random) {
    const data = encode(value)
    if (random === undefined || random.chance(0.5)) return [frame({ kind: RESULT, id }, data)]
    if (random.chance(0.5)) return split({ kind: RESULT, id }, data, [random.between(1, data.length)])
    const reference = Buffer.concat([Buffer.from([0xd6, 8]), numbers(0)])
    return [frame({ kind: RESULT, id, flags: 1 }, apart(reference, bytes(random, random.between(1, 50))))]
  },
  failure: (id, code) => frame({ kind: FAILURE, id, code }, encode({ message: 'no', notBegun: true })),
  pong: (nonce) => frame({ kind: PONG, id: nonce }),
}

class LaneVoice implements Voice {
  readonly #socket: Socket

  constructor(socket: Socket) {
    this.#socket = socket
    socket.resume()
  }

  say(frames: readonly Buffer[]): void {
    this.#socket.write(Buffer.concat(frames))
  }

  garble(frames: readonly Buffer[], random: Random): void {
    const all = Buffer.concat(frames)
    for (let at = 0; at < all.length;) {
      const size = random.pick([1, 7, 64, 2 ** 20])
      this.#socket.write(all.subarray(at, at + size))
      at += size
    }
  }

  onCall(listener: (id: number) => void): void {
    let rest = Buffer.alloc(0)
    let isGreeted = false
    this.#socket.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk])
      if (!isGreeted && rest.length >= 8) {
        rest = rest.subarray(8)
        isGreeted = true
      }
      while (isGreeted && rest.length >= 16 && rest.length >= 16 + rest.readUInt32LE()) {
        if (rest[4] === 18) listener(rest.readUInt32LE(8))
        rest = rest.subarray(16 + rest.readUInt32LE())
      }
    })
  }

  end(): void {
    this.#socket.end()
  }
}

/** The client of gRPC that tests have, written by hand from session.proto. */
interface WireModule {
  readonly frame: {
    hello(hello: { token: string; version: number }): Buffer
    ready(names: readonly string[]): Buffer
    result(id: number, value: Uint8Array): Buffer
    failure(id: number, failure: { code: number; notBegun: boolean }): Buffer
    pong(nonce: number): Buffer
  }
  readonly message: (seq: number, ack: number, frames: readonly Buffer[]) => Buffer
  readonly Wire: new (path: string) => Wire
}

interface Wire {
  readonly stream: NodeJS.EventEmitter
  readonly frames: { kind: string; fields: Readonly<Record<number, unknown>> }[]
  received: number
  sent: number
  acknowledged: number
  send(...frames: Buffer[]): void
  raw(data: Buffer, options?: { flag?: number; length?: number }): void
  acknowledge(): void
  heard(kind: string): Promise<unknown>
  close(): void
}

async function grpcSpeech(): Promise<Speech> {
  const url = new URL('../../support/second-client/wire.mjs', import.meta.url)
  const { frame: frames, message, Wire: Client } = (await import(url.href)) as WireModule
  return {
    async greet(path, token) {
      const wire = new Client(path)
      wire.raw(message(++wire.sent, 0, [frames.hello({ token, version: PROTOCOL_VERSION }), frames.ready(['echo'])]))
      await wire.heard('welcome')
      wire.acknowledge()
      return new GrpcVoice(wire, message)
    },
    result: (id, value) => [frames.result(id, encode(value))],
    failure: (id, code) => frames.failure(id, { code, notBegun: true }),
    pong: (nonce) => frames.pong(nonce),
  }
}

class GrpcVoice implements Voice {
  readonly #wire: Wire
  readonly #message: WireModule['message']

  constructor(wire: Wire, message: WireModule['message']) {
    this.#wire = wire
    this.#message = message
  }

  say(frames: readonly Buffer[]): void {
    this.#wire.send(...frames)
  }

  garble(frames: readonly Buffer[], random: Random): void {
    const wire = this.#wire
    // Some faults are in a frame, others in the message around it, others in the five bytes before that.
    const damaged = this.#message(wire.sent + 1, wire.received, frames)
    const [data = Buffer.alloc(0)] = random.chance(0.4) ? mutate([damaged], random) : [damaged]
    wire.raw(data, random.chance(0.05) ? { flag: random.between(0, 255), length: random.between(0, 2 ** 32 - 1) } : {})
  }

  onCall(listener: (id: number) => void): void {
    // Frames that were kept would be counted as a leak of the host.
    this.#wire.stream.on('data', () => {
      for (const { kind, fields } of this.#wire.frames.splice(0)) if (kind === 'call') listener(Number(fields[1]))
    })
  }

  end(): void {
    this.#wire.close()
  }
}

/** A host with a session that behaves, for the cases to be played beside. */
export class SessionFuzz {
  readonly #directory = mkdtempSync(join(tmpdir(), 'terrarium-fuzz-'))
  readonly #transport: Transport
  #speech: Speech = lane
  #server: SessionServer | undefined
  #witness: Session | undefined

  constructor(transport: Transport) {
    this.#transport = transport
  }

  async open(): Promise<void> {
    if (this.#transport === 'grpc') this.#speech = await grpcSpeech()
    this.#server = await SessionServer.listen(this.#directory)
    const { session, voice } = await this.#greet(FIRST_PATIENCE)
    this.#witness = session
    voice.onCall((id) => {
      voice.say(this.#speech.result(id, { seen: id }, undefined))
    })
  }

  close(): void {
    this.#server?.close()
    rmSync(this.#directory, { recursive: true, force: true })
  }

  /** Plays one case. Returns how many frames it had; throws an Error that says what was wrong. */
  async play(random: Random, number: number): Promise<number> {
    const { session, voice, forget } = await this.#greet()
    let fault: string | undefined
    let isClosed = session.closed
    session.once('closed', (why) => {
      fault = why
      isClosed = true
    })
    const settled = new Map<number, number>()
    const ids = Array.from({ length: CALLS }, (_, index) => {
      const id: number = session.call('echo', { bytes: encode({ index }), segments: [] }, 0, {
        settled: () => {
          settled.set(id, (settled.get(id) ?? 0) + 1)
        },
      })
      return id
    })
    const nonce = random.between(1, 1_000)
    session.ping(nonce)
    const speech = this.#speech
    let frames = [
      ...ids.flatMap((id) =>
        random.chance(0.2)
          ? [speech.failure(id, random.between(0, 9))]
          : speech.result(id, { text: 'x'.repeat(random.between(0, 60)), id }, random),
      ),
      speech.pong(nonce),
    ]
    for (let n = random.between(1, 2); n > 0 && frames.length > 0; n -= 1) frames = mutate(frames, random)
    voice.garble(frames, random)
    voice.end()
    const isOver = await within(PATIENCE, () => isClosed, 0)
    if (!isOver) throw new Error('the session does not end')
    forget(true)
    session.abandon(new TerrariumError('WORKER_CRASHED', 'the fuzz has ended its session'))
    if (fault !== undefined && !isClear(fault)) throw new Error(`no clear error: ${fault}`)
    const wrong = ids.filter((id) => settled.get(id) !== 1)
    if (wrong.length > 0) throw new Error(`calls were not settled once: ${wrong.join(', ')}; fault: ${String(fault)}`)
    if (number % WITNESS_EVERY === 0) await this.#askWitness()
    return frames.length
  }

  async #greet(patience = PATIENCE): Promise<{ session: Session; voice: Voice; forget: (isDead: boolean) => void }> {
    const server = this.#server as SessionServer
    let session: Session | undefined
    let isReady = false
    const announcement = server.expect((accepted) => {
      session = accepted
      accepted.once('ready', () => (isReady = true))
    }, this.#transport)
    const greeted = this.#speech.greet(server.path, announcement.token)
    // A timer that went on would keep the connection in memory, which would be counted as a leak of the host.
    const waiting = new AbortController()
    const late = sleep(patience, undefined, { ref: false, signal: waiting.signal }).catch(() => undefined)
    const voice = await Promise.race([greeted, late])
    waiting.abort()
    if (voice === undefined) throw new Error('a worker that behaves is not welcomed')
    if (!(await within(PATIENCE, () => isReady, 0))) throw new Error('a worker that behaves has not become ready')
    return { session: session as unknown as Session, voice, forget: announcement.forget }
  }

  async #askWitness(): Promise<void> {
    let answer: unknown
    this.#witness?.call('echo', { bytes: encode({}), segments: [] }, 0, { settled: (outcome) => (answer = outcome) })
    await within(PATIENCE, () => answer !== undefined, 0)
    if (typeof (answer as { value?: { seen?: unknown } } | undefined)?.value?.seen !== 'number') {
      throw new Error('the session beside the damaged ones does not answer')
    }
  }
}
