// Finds the names of tools that look like a misspelt one, for error messages: by what share of its letters two names
// have in common, in order.

/** Two names are alike from this share on. */
const ALIKE = 0.6

/** At most `most` of the names that look like `written`, the most alike first. */
export function closeMatches(written: string, names: readonly string[], most: number): string[] {
  return names
    .flatMap((name) => {
      const letters = written.length + name.length
      if (2 * Math.min(written.length, name.length) < ALIKE * letters) return [] // whatever the letters are
      const share = (2 * commonLetters(written, name)) / letters
      return share >= ALIKE ? [{ name, share }] : []
    })
    .sort((one, other) => other.share - one.share)
    .slice(0, most)
    .map(({ name }) => name)
}

/** The letters of the longest common part, and the common letters of what is before it and of what is behind it. */
function commonLetters(one: string, other: string): number {
  let [length, inOne, inOther] = [0, 0, 0]
  /** For each place in `other`: how many letters before it are the letters before the present place in `one`. */
  let runs = new Uint16Array(other.length + 1)
  for (let i = 0; i < one.length; i++) {
    const next = new Uint16Array(other.length + 1)
    for (let j = 0; j < other.length; j++) {
      if (one[i] !== other[j]) continue
      const run = (runs[j] ?? 0) + 1
      next[j + 1] = run
      if (run > length) [length, inOne, inOther] = [run, i - run + 1, j - run + 1]
    }
    runs = next
  }
  if (length === 0) return 0
  return (
    length +
    commonLetters(one.slice(0, inOne), other.slice(0, inOther)) +
    commonLetters(one.slice(inOne + length), other.slice(inOther + length))
  )
}
