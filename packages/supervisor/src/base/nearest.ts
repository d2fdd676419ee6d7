// Finds the name that was probably meant by a misspelt one, for error messages.

/** The name for which `written` is most likely a misspelling; undefined if none is near. */
export function nearest(written: string, names: readonly string[]): string | undefined {
  const longest = 64
  if (written.length > longest) return undefined
  let best: string | undefined
  // At most two wrong letters, and fewer in a short name.
  let fewest = Math.min(2, Math.floor(written.length / 3)) + 1
  for (const name of names) {
    const slips = distance(written.toLowerCase(), name.toLowerCase())
    if (slips < fewest) {
      best = name
      fewest = slips
    }
  }
  return best
}

/** The number of letters to insert, delete, replace, or swap with their neighbour. */
function distance(from: string, to: string): number {
  let before: number[] = []
  let row = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let i = 1; i <= from.length; i++) {
    const next = [i]
    for (let j = 1; j <= to.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1)
      let least = Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1)
      if (i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]) {
        least = Math.min(least, (before[j - 2] ?? 0) + 1)
      }
      next.push(least)
    }
    before = row
    row = next
  }
  return row[to.length] ?? 0
}
