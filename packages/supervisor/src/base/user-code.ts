/** Whether a value has a `then` of its own. A value that throws when it is looked at has none. */
export function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  try {
    return typeof value === 'object' && value !== null && typeof (value as PromiseLike<unknown>).then === 'function'
  } catch {
    return false
  }
}

/**
 * Calls a function that the user gave and that owes no answer, such as a listener. `failed` is called with what it
 * throws, or with what its promise rejects with: once. `self`: what the function is a method of.
 */
export function tellUser<T>(
  listener: (told: T) => unknown,
  told: T,
  failed: (error: unknown) => void,
  self?: unknown,
): void {
  try {
    observe(Reflect.apply(listener, self, [told]), failed)
  } catch (error) {
    failed(error)
  }
}

/**
 * Calls a function that the user gave and that has to answer at once, such as a strategy. Throws what it throws, and a
 * TypeError if it answers with a promise, whose own failure is not told as well.
 */
export function askUser<T>(work: () => T): T {
  const answer = work()
  if (!isPromiseLike(answer)) return answer
  ignoreFailure(answer)
  throw new TypeError('it must answer at once, not with a promise')
}

/** For an answer that is refused: if it is a promise, its own failure is not told as well. */
export function ignoreFailure(answer: unknown): void {
  observe(answer, () => undefined)
}

/** Makes the first report of each kind, and no further one. */
export function reportOnce(report: (what: string, error: unknown) => void): (what: string, error: unknown) => void {
  const reported = new Set<string>()
  return (what, error) => {
    if (reported.has(what)) return
    reported.add(what)
    report(what, error)
  }
}

function observe(result: unknown, failed: (error: unknown) => void): void {
  // Through a promise of our own: a `then` of the user's may call back twice, or throw afterwards.
  if (isPromiseLike(result)) void Promise.resolve(result).then(undefined, failed)
}
