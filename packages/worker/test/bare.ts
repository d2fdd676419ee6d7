// What tests of the session share: a session whose carrier is a list, and the frames of a worker.
import {
  FAILURE_CODE,
  type FailureFrame,
  type HelloFrame,
  type HostFrame,
  type ReadyFrame,
  type ResultFrame,
  type ToolInfo,
} from '../src/frame.ts'
import { Session, type SessionDependencies } from '../src/session.ts'
import { encode } from '../src/values/codec.ts'
import { inOne } from '../src/values/encoded-value.ts'
import { PROTOCOL_VERSION } from '../src/version.ts'

export const encoded = inOne

export const hello = (more: Partial<HelloFrame> = {}): HelloFrame => ({
  kind: 'hello',
  version: PROTOCOL_VERSION,
  token: '',
  pid: 1,
  packageVersion: '0.1.0',
  pythonVersion: '3',
  reportsBegun: false,
  ...more,
})

export const tool = (name: string, more: Partial<ToolInfo> = {}): ToolInfo => ({
  name,
  isAsync: false,
  isStream: false,
  summary: '',
  ...more,
})

export const ready = (...tools: (ToolInfo | string)[]): ReadyFrame => ({
  kind: 'ready',
  tools: tools.map((each) => (typeof each === 'string' ? tool(each) : each)),
})

export const result = (id: number, value: unknown): ResultFrame => ({
  kind: 'result',
  id,
  value: encoded(encode(value)),
})

export const failure = (id: number, more: Partial<FailureFrame> = {}): FailureFrame => ({
  kind: 'failure',
  id,
  code: FAILURE_CODE.PYTHON_ERROR,
  type: 'ValueError',
  message: 'no',
  traceback: '',
  hint: '',
  place: '',
  notBegun: false,
  attributes: Buffer.alloc(0),
  hostCall: 0,
  ...more,
})

/** A session with what it has sent. `unsent`: the calls that its carrier says it has not sent. */
export function bareSession(more: Partial<SessionDependencies> = {}) {
  const sent: HostFrame[] = []
  const unsent = new Set<number>()
  const heard = { bytes: 0, ends: 0 }
  const carrier = {
    send: (frame: HostFrame) => sent.push(frame),
    end: () => (heard.ends += 1),
    get received() {
      return heard.bytes
    },
    unsent: () => unsent,
  }
  const session = new Session({ carrier, pid: 4711, ...more })
  return { session, sent, unsent, heard }
}
