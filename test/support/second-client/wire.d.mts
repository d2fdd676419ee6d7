import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'

export interface HostFrame {
  readonly kind: string
  readonly fields: Readonly<Record<number, number | Buffer>>
}

export const frame: {
  hello(hello: { token?: string; version?: number; pid?: number }): Buffer
  ready(names: readonly string[], isAsync?: boolean): Buffer
  result(id: number, value: Uint8Array): Buffer
  failure(id: number, failure?: { code?: number; type?: string; message?: string; notBegun?: boolean }): Buffer
  pong(nonce: number, running?: number): Buffer
  item(id: number, value: Uint8Array): Buffer
  progress(id: number, done: number): Buffer
  hostCall(id: number, call: number, body: Uint8Array, isStream?: boolean): Buffer
  hostCancel(id: number): Buffer
  hostCredit(id: number, size: number): Buffer
  want(id: number, feed: number, size: number): Buffer
  unknown(): Buffer
}

export function message(seq: number, ack: number, frames: readonly Buffer[]): Buffer

export class Wire {
  constructor(path: string)
  readonly socket: Socket
  readonly session: ClientHttp2Session
  readonly stream: ClientHttp2Stream
  readonly ended: Promise<unknown>
  frames: HostFrame[]
  isOver: boolean
  received: number
  acknowledged: number
  sent: number
  status: { code: number; details: string } | undefined
  send(...frames: Buffer[]): void
  acknowledge(): void
  raw(data: Buffer, options?: { flag?: number; length?: number }): void
  heard(kind: string, times?: number): Promise<HostFrame | undefined>
  close(): void
}
