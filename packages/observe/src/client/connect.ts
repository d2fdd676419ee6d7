// Reads an observer over its socket: one picture, or everything that it tells.
import { rmSync } from 'node:fs'
import { createConnection, type Socket } from 'node:net'
import { basename, dirname } from 'node:path'
import { PROTOCOL_VERSION, type FromReader } from '@terrarium/inspector/protocol'
import { TerrariumError } from '@terrarium/supervisor/base'
import type { Detail, FromObserver, Hello, Snap } from '../messages.ts'
import { findSockets } from './find.ts'
import { FOLDER } from './places.ts'

/** How long an observer may take to answer, in ms. A host that computes answers late. */
const TIMEOUT = 2_000
/** A message that is longer comes from no observer, in UTF-16 code units. */
const LONGEST = 64 * 1024 * 1024

/** An observer as its socket shows it. */
export interface SocketPicture {
  readonly socket: string
  readonly hello: Hello
  readonly snap: Snap
  /** Of the watched actors, see {@link takePicture}. */
  readonly details: readonly Detail[]
}

export interface Followed {
  readonly message: FromObserver
  readonly socket: string
}

/**
 * The pictures of all observers of this user, in the order of their start. An observer that does not answer within 2 s
 * is left out. The folder of a program that has ended is removed.
 */
export async function takePictures(): Promise<readonly SocketPicture[]> {
  const pictures = await Promise.all(findSockets().map((socket) => takePicture(socket).catch(() => undefined)))
  return pictures.filter((each) => each !== undefined).sort((a, b) => a.hello.started - b.hello.started)
}

/**
 * The picture of one observer. `watched`: actors, at most 8, of which details are asked for. Rejects with STOPPED when
 * its program has ended, and with DEADLINE_EXCEEDED when it does not answer.
 */
export async function takePicture(socket: string, watched: readonly string[] = []): Promise<SocketPicture> {
  let hello: Hello | undefined
  let snap: Snap | undefined
  const details: Detail[] = []
  for await (const { message } of follow(socket, { watched, timeout: TIMEOUT })) {
    if (message.t === 'hello') hello = message
    if (message.t === 'snap') snap = message
    if (message.t === 'detail') details.push(message)
    if (message.t === 'error') throw new TerrariumError('STOPPED', message.message, { hint: message.hint })
    if (hello !== undefined && snap !== undefined && details.length >= watched.length) {
      return { socket, hello, snap, details }
    }
  }
  throw new TerrariumError('STOPPED', `the observer at ${socket} has closed its socket`)
}

export interface FollowOptions {
  /** Actors, at most 8, of which details are told. */
  readonly watched?: readonly string[]
  readonly signal?: AbortSignal
  /** How long all messages together may take, in ms. Default: no limit. */
  readonly timeout?: number
}

/**
 * Everything that an observer tells, until it or the caller ends. Rejects as {@link takePicture} does, with
 * DEADLINE_EXCEEDED only if there is a `timeout`.
 */
export async function* follow(path: string, options: FollowOptions = {}): AsyncGenerator<Followed, void, void> {
  const { watched = [], signal, timeout } = options
  const socket = createConnection(path)
  const late = timeout === undefined ? undefined : setTimeout(() => socket.destroy(new Late()), timeout)
  const onAbort = (): void => {
    socket.destroy()
  }
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    if (signal?.aborted === true) return
    if (watched.length > 0) send(socket, { t: 'watch', ids: watched })
    let rest = ''
    socket.setEncoding('utf8')
    for await (const chunk of socket as AsyncIterable<string>) {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop() ?? ''
      if (rest.length > LONGEST) throw new TerrariumError('STOPPED', `${path} does not speak as an observer does`)
      for (const line of lines) yield { message: parse(line, path), socket: path }
    }
  } catch (error) {
    if (signal?.aborted !== true) throw explained(error, path)
  } finally {
    clearTimeout(late)
    signal?.removeEventListener('abort', onAbort)
    socket.destroy()
  }
}

class Late extends Error {}

function send(socket: Socket, message: FromReader): void {
  socket.write(`${JSON.stringify(message)}\n`)
}

function parse(line: string, path: string): FromObserver {
  let message: unknown
  try {
    message = JSON.parse(line)
  } catch {
    throw new TerrariumError('STOPPED', `${path} does not speak as an observer does`)
  }
  const { t, v } = message as Partial<Hello>
  if (t === 'hello' && (v ?? 0) > PROTOCOL_VERSION) {
    throw new TerrariumError('CONFIGURATION', `The program at ${path} speaks version ${v ?? '?'} of the protocol`, {
      hint: `Use a newer @terrarium/cli; this one reads version ${PROTOCOL_VERSION}.`,
    })
  }
  return message as FromObserver
}

function explained(error: unknown, path: string): unknown {
  if (error instanceof Late) return new TerrariumError('DEADLINE_EXCEEDED', `the observer at ${path} does not answer`)
  const { code } = error as NodeJS.ErrnoException
  if (code !== 'ECONNREFUSED' && code !== 'ENOENT' && code !== 'ECONNRESET') return error
  // Nothing listens: its program was killed, and cannot remove its folder.
  if (code === 'ECONNREFUSED' && basename(dirname(path)).startsWith(FOLDER)) {
    rmSync(dirname(path), { recursive: true, force: true })
  }
  return new TerrariumError('STOPPED', `the program of the observer at ${path} has ended`)
}
