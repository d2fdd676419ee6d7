/**
 * Runs `work` on every item, at most `limit` at once, in order of the items. Rejects with the first failure, begins
 * nothing after it, and leaves what is in flight to settle unheard.
 */
export async function forEachInFlight<T>(
  items: readonly T[],
  limit: number,
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  const next = items.entries()
  let failed = false
  const lane = async (): Promise<void> => {
    for (const [index, item] of next) {
      if (failed) return
      await work(item, index)
    }
  }
  const lanes = Array.from({ length: Math.min(limit, items.length) }, () =>
    lane().catch((error: unknown) => {
      failed = true
      throw error
    }),
  )
  await Promise.all(lanes)
}
