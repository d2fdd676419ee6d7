// What a user holds of a session: a handle, which makes the calls of the session.
import { ASYNC_DISPOSE, siteAbove } from '@terrarium/supervisor/base'
import type { ToolSession, ToolStream } from './api.ts'
import { encodeCall, readCall, streamRequestOf } from './call-request.ts'
import { callSite } from './call-site.ts'
import type { SessionUse } from './core/tool-session.ts'
import { withNesting } from './nesting.ts'
import { NO_OPTIONS, NO_STREAM_OPTIONS, type CallArguments, type CallOptions, type StreamOptions } from './options.ts'
import { PendingCall, type Resolve } from './pending-call.ts'
import type { Shell } from './shell.ts'
import { StreamReader } from './tool-stream.ts'

export class SessionHandle implements ToolSession {
  readonly #shell: () => Shell
  readonly #use: SessionUse

  /** `shell`: of the pool's present actor. */
  constructor(shell: () => Shell, use: SessionUse) {
    this.#shell = shell
    this.#use = use
  }

  get id(): string {
    return this.#use.id
  }

  // Properties, so that they can be named as the functions above which a call was made.
  readonly call = <T = unknown>(
    tool: string,
    args: CallArguments = {},
    options: CallOptions = NO_OPTIONS,
  ): Promise<T> =>
    new Promise((resolve, reject) => {
      const shell = this.#shell()
      const own = withNesting(tool, readCall(tool, args, options), shell.state)
      const sent = encodeCall(shell, tool, args, own)
      const call = new PendingCall(tool, sent, own, callSite(this.call), resolve as Resolve, reject)
      call.use = this.#use
      shell.offer(call)
    })

  readonly stream = <T = unknown>(
    tool: string,
    args: CallArguments = {},
    options: StreamOptions = NO_STREAM_OPTIONS,
  ): ToolStream<T> => {
    const shell = this.#shell()
    const plain = streamRequestOf(shell, tool, args, options)
    const request = { ...plain, options: withNesting(tool, plain.options, shell.state), use: this.#use }
    return new StreamReader<T>(() => this.#shell().streams, request, siteAbove(this.stream) ?? {})
  }

  restart(): void {
    this.#shell().restartSession(this.#use)
  }

  close(): Promise<void> {
    return this.#shell().closeSession(this.#use)
  }

  [ASYNC_DISPOSE](): Promise<void> {
    return this.close()
  }
}
