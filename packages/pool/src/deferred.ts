// A promise that is settled from outside. Node has Promise.withResolvers() from version 22 on.

export class Deferred<T> {
  readonly promise: Promise<T>
  resolve!: (value: T) => void
  reject!: (error: unknown) => void

  constructor() {
    this.promise = new Promise<T>((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
    this.promise.catch(() => undefined) // a rejection is no fault where the promise is not awaited
  }
}
