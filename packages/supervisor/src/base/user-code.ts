// Calls functions that the user gave, so that what they throw or reject with ends up in one place.

/** True if a value has a `then` method. A value that throws when it is read has none. */
export function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  try {
    return typeof value === 'object' && value !== null && typeof (value as PromiseLike<unknown>).then === 'function'
  } catch {
    return false
  }
}

/**
 * Calls a function of the user's that returns nothing of interest, such as a listener. `failed` is called once with
 * what it throws, or with what its promise rejects with. `self`: the object that the function is a method of.
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
 * Calls a function of the user's that has to return at once, such as a strategy. Throws what it throws, and a TypeError
 * if it returns a promise, whose own failure is then ignored.
 */
export function askUser<T>(work: () => T): T {
  const answer = work()
  if (!isPromiseLike(answer)) return answer
  ignoreFailure(answer)
  throw new TypeError('it must answer at once, not with a promise')
}

/** Ignores the failure of a returned value that is a promise. */
export function ignoreFailure(answer: unknown): void {
  observe(answer, () => undefined)
}

/** Returns a function that passes on the first report of each kind. */
export function reportOnce(report: (what: string, error: unknown) => void): (what: string, error: unknown) => void {
  const reported = new Set<string>()
  return (what, error) => {
    if (reported.has(what)) return
    reported.add(what)
    report(what, error)
  }
}

function observe(result: unknown, failed: (error: unknown) => void): void {
  // Through a promise of this package: a `then` of the user's may call back twice, or throw afterwards.
  if (isPromiseLike(result)) void Promise.resolve(result).then(undefined, failed)
}
