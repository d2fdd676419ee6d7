// createInspector() for Node: a tap, a server on loopback, and a file to save.
import { writeFile } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import type { AnyActorRef } from 'xstate'
import { systemClock } from '../shared/clock.ts'
import { checkOptions, InspectorError, isFlag, isFunction, isText, type Rule } from '../shared/inspector-error.ts'
import type { Redact } from '../shared/redact.ts'
import { connectStately, isAdapter, type StatelyAdapter, type StatelyMessage } from '../shared/stately.ts'
import { Tap } from '../shared/tap.ts'
import { watchRoot } from '../shared/watch-root.ts'
import { traceFile } from '../shared/trace-file.ts'
import { CHANNEL, fragmentOf, VITE_PATH } from '../shared/places.ts'
import { messageOf } from '../shared/value.ts'
import { pageFile } from './page-file.ts'
import { servePage } from './server.ts'
import type { ConnectStately } from './stately-sockets.ts'

export interface InspectorOptions {
  /** What the page calls the application. Default: the name of the program's file. */
  readonly name?: string | undefined
  /** The port on 127.0.0.1. Default: 0, any free port. */
  readonly port?: number | undefined
  /** Origins of Vite servers whose page shows this program too: for each an address is printed. Default: []. */
  readonly origins?: readonly string[] | undefined
  /** Whether the value under a key is not shown, in addition to the rules for secrets. Default: none. */
  readonly redact?: Redact | undefined
  /** Keeps the contents of events also while no page is open, for `save()`. Default: false. */
  readonly record?: boolean | undefined
  /**
   * An adapter of `@statelyai/inspect`, which is told everything, too; or `true`: receivers of that package may connect
   * to this program, at an address that is printed. Default: none.
   */
  readonly stately?: StatelyAdapter | true | undefined
  /** Prints the address. Default: to the standard error. */
  readonly print?: ((line: string) => void) | undefined
}

export interface Inspector {
  /** For XState's option `inspect`. Never throws. */
  readonly inspect: (event: unknown) => void
  /**
   * Shows a root that was made without the option `inspect`, and what is below it; it may run already. While no page is
   * open it is not listened to, and costs nothing. Answers what ends it. Throws INVALID_ARGUMENT for what is no actor.
   */
  watch(root: AnyActorRef): () => void
  /** What to open in a browser, with a token. Rejects with NOT_SERVED. */
  readonly address: Promise<string>
  /** Where receivers of `@statelyai/inspect` connect, with a token; empty without `stately: true`. */
  readonly statelyAddress: Promise<string>
  /** Writes what is known now as one HTML file, and answers its absolute path. Rejects with NOT_SAVED. */
  save(path: string): Promise<string>
  /** Stops serving. What `inspect` hears is still counted. */
  close(): Promise<void>
}

const RULES: Readonly<Record<keyof InspectorOptions, Rule>> = {
  name: [isText, 'a text'],
  port: [(value) => Number.isInteger(value) && Number(value) >= 0 && Number(value) < 65_536, 'a port from 0 to 65535'],
  origins: [
    (value) => Array.isArray(value) && value.every(isOrigin),
    'a list of origins such as http://localhost:5173',
  ],
  redact: [isFunction, 'a function'],
  record: [isFlag, 'true or false'],
  stately: [(value) => value === true || isAdapter(value), 'true, or an adapter, which has a method send'],
  print: [isFunction, 'a function'],
}

function isOrigin(value: unknown): boolean {
  return typeof value === 'string' && URL.canParse(value) && new URL(value).origin === value
}

/**
 * Serves a page that shows actors, and prints its address. Pass `inspect` to each root: `createActor(machine, { inspect
 * })`. It keeps no process alive. Throws INVALID_ARGUMENT with every mistake.
 */
export function createInspector(options: InspectorOptions = {}): Inspector {
  checkOptions('createInspector()', options, RULES)
  const { name = basename(process.argv[1] ?? 'node'), port, origins, redact, record = false, stately } = options
  const { print = (line: string) => void process.stderr.write(`${line}\n`) } = options
  const agent = `Node ${process.versions.node}`
  const tap = new Tap({ clock: systemClock, hello: { name, agent, pid: process.pid }, redact })
  if (record) tap.connect({ send: () => undefined, buffered: () => 0 })
  const told = typeof stately === 'object' ? connectStately(tap, stately) : undefined
  const toReceivers: ConnectStately = (sink) => {
    const send = (message: StatelyMessage): void => {
      sink.send(JSON.stringify(message))
    }
    return connectStately(tap, { send }, () => sink.buffered())
  }
  const serving = servePage({
    port,
    origins,
    connect: (page) => tap.connect(page),
    ...(stately === true && { connectStately: toReceivers }),
  })
  const address = serving.then((server) => server.address)
  const statelyAddress = serving.then((server) => server.stately)
  void statelyAddress.then(
    (text) => {
      if (text !== '') print(`Inspector, for receivers of @statelyai/inspect: ${text}`)
    },
    () => undefined, // the address says why
  )
  void address.then(
    (text) => {
      print(`Inspector: ${text}`)
      for (const origin of origins ?? [])
        print(`Inspector, with ${origin}: ${origin}${VITE_PATH}${fragmentOf(CHANNEL, text)}`)
    },
    (error: unknown) => {
      print(`Inspector: ${messageOf(error)} ${error instanceof InspectorError ? error.hint : ''}`.trimEnd())
    },
  )
  return {
    inspect: tap.inspect,
    watch: (root) => watchRoot(tap, root),
    address,
    statelyAddress,
    save: (path) => save(tap, path),
    close: async () => {
      told?.close()
      await serving.then(
        (server) => server.close(),
        () => undefined,
      )
    },
  }
}

/** Readable for its owner only: it has the data of the application. */
async function save(tap: Tap, path: string): Promise<string> {
  const target = resolve(path)
  try {
    await writeFile(target, traceFile(pageFile().html, tap.trace()), { mode: 0o600 })
  } catch (cause) {
    throw new InspectorError('NOT_SAVED', `the trace cannot be written to ${target}: ${messageOf(cause)}`, {
      hint: 'Give save() the path of a file that this process may write, in a folder that exists.',
      cause,
      details: { path: target },
    })
  }
  return target
}
