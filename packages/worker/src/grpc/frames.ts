// The frames of a session as protocol buffers of `terrarium.v1`, and back.
import type { HostFrame, WorkerFrame } from '../frame.ts'
import { inOne } from '../values/encoded-value.ts'
import type { HostFrame as HostMessage, WorkerFrame as WorkerMessage } from '../generated/terrarium/v1/session.ts'
import { PROTOCOL_VERSION } from '../version.ts'

export function toMessage(frame: HostFrame): HostMessage {
  switch (frame.kind) {
    case 'welcome': {
      const value = { protocolVersion: PROTOCOL_VERSION, maxMessageBytes: frame.maxBytes }
      return { kind: { $case: 'welcome', value } }
    }
    case 'call': {
      const { id, tool, args, timeout, isStream, wantsProgress = false, session = 0 } = frame
      const value = {
        id,
        tool,
        arguments: args.bytes,
        timeoutMs: timeout,
        stream: isStream,
        progress: wantsProgress,
        session,
      }
      return { kind: { $case: 'call', value } }
    }
    case 'cancel': {
      const { id, unlessBegun } = frame
      return { kind: { $case: 'cancel', value: { id, unlessBegun } } }
    }
    case 'ping':
      return { kind: { $case: 'ping', value: { nonce: frame.nonce } } }
    case 'sessionOpen':
      return { kind: { $case: 'sessionOpen', value: { number: frame.number, id: frame.id } } }
    case 'sessionClose':
      return { kind: { $case: 'sessionClose', value: { number: frame.number } } }
    case 'credit':
      return { kind: { $case: 'credit', value: { id: frame.id, bytes: frame.bytes } } }
    case 'hostResult':
      return { kind: { $case: 'hostResult', value: { id: frame.id, value: frame.value.bytes } } }
    case 'hostFailure': {
      const { kind: _, attributes, ...rest } = frame
      const value = { ...rest, attributes: inOne(attributes).bytes }
      // oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- both have the numbers of the wire
      return { kind: { $case: 'hostFailure', value } }
    }
    case 'hostItem':
      return { kind: { $case: 'hostItem', value: { id: frame.id, value: frame.value.bytes } } }
    case 'feed': {
      const { id, feed, value } = frame
      return { kind: { $case: 'feed', value: { id, feed, value: value.bytes } } }
    }
    case 'feedEnd': {
      const { id, feed, failure } = frame
      return {
        kind: { $case: 'feedEnd', value: { id, feed, failed: failure !== undefined, ...NO_FAILURE, ...failure } },
      }
    }
  }
}

const NO_FAILURE = { type: '', message: '' }

/** Throws a TypeError for a frame of a later version. */
export function fromMessage({ kind }: WorkerMessage): WorkerFrame {
  switch (kind?.$case) {
    case 'result': {
      const { id, value } = kind.value
      return { kind: 'result', id, value: inOne(value) }
    }
    case 'item': {
      const { id, value } = kind.value
      return { kind: 'item', id, value: inOne(value) }
    }
    case 'progress': {
      const { id, done = null, total = null, text } = kind.value
      return { kind: 'progress', id, done, total, text }
    }
    case 'failure':
      return { kind: 'failure', ...kind.value }
    case 'pong': {
      const { nonce, running } = kind.value
      return { kind: 'pong', nonce, running }
    }
    case 'ready':
      return { kind: 'ready', tools: kind.value.tools }
    case 'hello': {
      const { protocolVersion, token, pid, packageVersion, pythonVersion, reportsBegun } = kind.value
      return { kind: 'hello', version: protocolVersion, token, pid, packageVersion, pythonVersion, reportsBegun }
    }
    case 'hostCall': {
      const { id, call, body, stream } = kind.value
      return { kind: 'hostCall', id, call, isStream: stream, body: inOne(body) }
    }
    case 'hostCancel':
      return { kind: 'hostCancel', id: kind.value.id }
    case 'hostCredit': {
      const { id, bytes } = kind.value
      return { kind: 'hostCredit', id, bytes }
    }
    case 'want': {
      const { id, feed, bytes } = kind.value
      return { kind: 'want', id, feed, bytes }
    }
    case undefined:
      throw new TypeError('a frame of a kind that this version does not know')
  }
}
