// A stream as the shell of a pool knows it: a call with items between its worker and its reader.
import { isTerrariumError, type CallSite } from '@terrarium/supervisor/base'
import type { EncodedArguments } from './call-request.ts'
import { StreamState } from './core/stream.ts'
import type { SessionUse } from './core/tool-session.ts'
import { Deferred } from './deferred.ts'
import { ItemBuffer } from './item-buffer.ts'
import type { StreamOptions } from './options.ts'
import { PendingCall } from './pending-call.ts'

/** What a stream is made of: no code of the user's is left in it but the signal. */
export interface StreamRequest {
  readonly tool: string
  readonly args: EncodedArguments
  /** Read and checked. */
  readonly options: StreamOptions
  /** The handle of the session that it is a call of. Default: none. */
  readonly use?: SessionUse
}

export class PendingStream extends PendingCall {
  readonly items: ItemBuffer
  #released: Deferred<undefined> | undefined

  /** `site`: where the stream was made. `taken` is called with the bytes of each item that the reader gets. */
  constructor(
    { tool, args, options, use }: StreamRequest,
    site: CallSite,
    taken: (stream: PendingStream, bytes: number) => void,
  ) {
    const items = new ItemBuffer((bytes) => {
      taken(this, bytes)
    })
    super(
      tool,
      args,
      options,
      site,
      () => {
        items.end()
      },
      (error) => {
        // The caller has cancelled it, and wants nothing any more. Any other error comes behind what has arrived.
        if (isTerrariumError(error, 'CANCELLED')) items.drop({ error })
        else items.end({ error })
      },
    )
    this.items = items
    this.use = use
    this.stream = new StreamState(options.idle)
  }

  /** The worker has released the stream. */
  released(): void {
    this.#released?.resolve(undefined)
  }

  /** Resolves when no worker has it. */
  async whenReleased(): Promise<void> {
    if (this.slot === undefined) return
    this.#released ??= new Deferred()
    await this.#released.promise
  }
}
