// Which values never leave the application: those under a telling key, and texts that look like a secret.

/** Keys whose values are not shown. */
const KEYS =
  /pass(?:word|phrase|wd|code)|^pass$|[_-]pass$|secret|token|authori[sz]ation|cookie|credential|api[-_]?key|private[-_]?key|access[-_]?key|signature|^otp$|^pin$|^ssn$|^cvv|card[-_]?number|iban/i

/** As in `userPass`, unlike in `compass`. */
const PASS = /[a-z]Pass$/

/** Secrets inside of texts. */
const TEXTS = [
  /\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*/g,
  /\bBearer\s+[\w.~+/=-]{8,}|\bBasic\s+[A-Za-z0-9+/=]{16,}/g,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[^]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
  /\b(?:sk|pk|rk)[-_](?:live|test|ant|proj)?[-_]?[\w-]{16,}/g,
  /\b(?:gh[pousr]_|github_pat_|xox[abprs]-|AKIA|ASIA|AIza|glpat-|npm_)[\w-]{12,}/g,
  /(?<=\/\/[^\s/:@]{0,64}:)[^\s/@]+(?=@)/g,
]

/** Whether one more key is redacted. `path`: the keys above it, from the outside. */
export type Redact = (key: string, path: readonly string[]) => boolean

export const REDACTED = 'redacted'

/** Whether the value under a key is not shown. A rule of the user that throws redacts. */
export function isSecretKey(key: string, path: readonly string[], more: Redact | undefined): boolean {
  if (KEYS.test(key) || PASS.test(key)) return true
  if (more === undefined) return false
  try {
    return more(key, path)
  } catch {
    return true
  }
}

/** A text without the secrets that are recognised by their form. */
export function withoutSecrets(text: string): string {
  if (text.length < 8) return text
  return TEXTS.reduce((cleaned, form) => cleaned.replace(form, `[${REDACTED}]`), text)
}
