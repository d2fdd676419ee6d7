// The workers that a host expects, and the tokens by which it knows them. Both transports bring their Hello here.
import { join } from 'node:path'
import { randomBytes, timingSafeEqual } from 'node:crypto'
import { BegunPage } from './begun-page.ts'
import type { Carrier, HelloFrame, Transport } from './frame.ts'
import { addWorker } from './processors.ts'
import { Session } from './session.ts'
import type { ValueCodec } from './values/codec.ts'
import { PROTOCOL_VERSION } from './version.ts'

/** A worker that was announced. */
export interface Announcement {
  /** The secret the worker has to present. It is worth one session. */
  readonly token: string
  /** The path of the page of begun calls. */
  readonly begun?: string | undefined
  /** Takes the announcement back. `isDead`: the worker has exited, so it is certain which calls it had begun. */
  readonly forget: (isDead: boolean) => void
}

interface Expectation {
  readonly token: string
  readonly transport: Transport
  readonly page: BegunPage
  /** Called once, when the worker has presented its token. */
  readonly accept: (session: Session) => void
}

/** Why a worker is turned away. */
export interface Refusal {
  readonly refused: 'protocol_mismatch' | 'token_refused'
  readonly message: string
}

export class Reception {
  readonly #codec: ValueCodec
  readonly #expected = new Map<string, Expectation>()
  readonly #sessions = new Set<Session>()
  #pages = 0

  constructor(codec: ValueCodec) {
    this.#codec = codec
  }

  /** The number of workers that are expected. */
  get expected(): number {
    return this.#expected.size
  }

  /**
   * Announces a worker, with a page of begun calls in this folder. Errors: CONFIGURATION and START_FAILED when that
   * cannot be made.
   */
  expect(directory: string, transport: Transport, accept: (session: Session) => void): Announcement {
    const page = new BegunPage(join(directory, `begun-${++this.#pages}`))
    const token = randomBytes(16).toString('hex')
    this.#expected.set(token, { token, transport, page, accept })
    return {
      token,
      begun: page.path,
      forget: (isDead) => {
        this.#expected.delete(token)
        page.close(isDead)
      },
    }
  }

  /** Opens the session of a worker that says Hello, or says why not. The session has yet to receive the Hello. */
  greet(hello: HelloFrame, transport: Transport, carrier: Carrier): Session | Refusal {
    const { version, packageVersion, token, pid, reportsBegun } = hello
    if (version !== PROTOCOL_VERSION) return mismatch(version, packageVersion)
    const expectation = this.#find(token)
    if (expectation === undefined) {
      return { refused: 'token_refused', message: 'no worker is expected with this token' }
    }
    if (expectation.transport !== transport) {
      const message = `this host expects the worker by transport ${expectation.transport}, not ${transport}`
      return { refused: 'protocol_mismatch', message }
    }
    this.#expected.delete(expectation.token)
    const { page, accept } = expectation
    page.unlink()
    const begun = reportsBegun ? page : undefined
    const session = new Session({ carrier, pid, codec: this.#codec, begun })
    this.#sessions.add(session)
    const removeWorker = addWorker()
    session.once('closed', () => {
      this.#sessions.delete(session)
      removeWorker()
    })
    accept(session)
    return session
  }

  /** Ends every session. */
  close(): void {
    for (const session of this.#sessions) session.close()
  }

  #find(presented: string): Expectation | undefined {
    const bytes = Buffer.from(presented)
    for (const expectation of this.#expected.values()) {
      const token = Buffer.from(expectation.token)
      if (token.length === bytes.length && timingSafeEqual(token, bytes)) return expectation
    }
    return undefined
  }
}

/** For a worker of another version. `packageVersion`: of its Python package; empty if it is not known. */
export function mismatch(version: number, packageVersion: string): Refusal {
  const worker = packageVersion === '' ? 'the worker' : `the worker (package ${packageVersion.slice(0, 64)})`
  const message = `this host speaks version ${PROTOCOL_VERSION} of the protocol, ${worker} speaks ${version}`
  return { refused: 'protocol_mismatch', message }
}
