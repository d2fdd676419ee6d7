/**
 * The table of all error codes. It lists the codes of every package, because a program that catches a
 * {@link TerrariumError} compares codes without knowing which package threw it. Codes are stable; messages are not.
 */
export type ErrorCode =
  /** All packages. An argument is wrong. For options, `details.mistakes` lists every mistake at once. */
  | 'INVALID_ARGUMENT'
  /** All packages. A child, worker or program did not become ready; trying again may help. */
  | 'START_FAILED'
  /** Threads, process, worker, pool, observe, cli. Nothing can start until a file, program or setting is corrected. */
  | 'CONFIGURATION'
  /** All packages. What was asked for no longer runs, or ended before it had answered. */
  | 'STOPPED'
  /** All packages. There was no answer within the time limit. */
  | 'DEADLINE_EXCEEDED'
  /** Supervisor, worker, pool. The caller's `signal` was aborted, or the call was cancelled. */
  | 'CANCELLED'
  /** Supervisor, pool. The child or worker is not restarted until the cause is gone. */
  | 'PARKED'
  /** Process. Another process uses the state directory or the log. */
  | 'STATE_LOCKED'
  /** Process. The state directory holds an installation id that cannot be read. */
  | 'LOG_DAMAGED'
  /** Threads, process, worker, pool. The thread or OS process died or was killed. */
  | 'WORKER_CRASHED'
  /** Threads. The thread needed more memory than its limit. */
  | 'OUT_OF_MEMORY'
  /** Worker. The tool raised an exception; `details` holds its type and traceback. */
  | 'PYTHON_ERROR'
  /** Worker. The worker has no tool of this name. */
  | 'TOOL_NOT_FOUND'
  /** Worker. The arguments or the result of a call are larger than 256 MiB less 64 bytes. */
  | 'PAYLOAD_TOO_LARGE'
  /** Worker. The tool ran, but its result has a type that cannot be sent. */
  | 'RESULT_NOT_SENDABLE'
  /** Pool. The queue is full. */
  | 'POOL_SATURATED'
  /** Pool. The call waited longer than allowed and was not sent to a worker. */
  | 'QUEUE_TIMEOUT'
  /** Pool. A function of the host waits for the call, and no worker could ever become free for it. */
  | 'DEADLOCK'
  /** Pool. The worker of the session has no place, and the session does not wait for one. */
  | 'WORKER_BUSY'
  /** Pool. The state of the session is gone, with its worker or because the session has ended. */
  | 'SESSION_LOST'
  /** Pool. As many sessions are open as the pool may have. */
  | 'SESSION_LIMIT'
  /** Pool. Several workers died while they handled the call, so it is not tried again. */
  | 'POISON_CALL'
