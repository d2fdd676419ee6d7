// How tests wait: for a condition, for the event loop, and by making it stand still. This file imports nothing
// of jest, so that chaos and the benchmarks can use it too.

/** Polls every `interval` ms until the condition holds, for at most `patience` ms. Returns whether it held. */
export async function within(
  patience: number,
  condition: () => boolean | Promise<boolean>,
  interval = 2,
): Promise<boolean> {
  const end = performance.now() + patience
  while (!(await condition())) {
    if (performance.now() > end) return false
    await new Promise((resolve) => (interval === 0 ? setImmediate(resolve) : setTimeout(resolve, interval)))
  }
  return true
}

/** Polls every 10 ms until the condition holds; fails after `patience` ms and names what it waited for. */
export async function eventually(
  what: string,
  condition: () => boolean | Promise<boolean>,
  patience = 20_000,
): Promise<void> {
  if (!(await within(patience, condition, 10))) throw new Error(`not within ${patience} ms: ${what}`)
}

/** Makes the event loop stand still for so many ms. It takes no processor from the other tests meanwhile. */
export function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

/** Waits for one turn of the event loop. Unhandled rejections are reported by then. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Waits for so many turns of the event loop, in which what was asked for is written. */
export async function turns(count: number): Promise<void> {
  for (let done = 0; done < count; done += 1) await turn()
}
