// A button that puts a text on the clipboard, and says so to screen readers too.
import { useState } from 'preact/hooks'
import type { JSX } from 'preact'

/** How long the button says that it has copied, in ms. */
const SAID = 2_000

export function Copy({ text, name = 'Copy' }: { text: string; name?: string }): JSX.Element {
  const [said, setSaid] = useState('')
  const copy = async (): Promise<void> => {
    const done = await navigator.clipboard.writeText(text).then(
      () => 'Copied',
      () => 'Not copied: select the text',
    )
    setSaid(done)
    setTimeout(() => {
      setSaid('')
    }, SAID)
  }
  return (
    <>
      <button type="button" class="copy" onClick={() => void copy()}>
        {said === '' ? name : said}
      </button>
      <span class="unseen" aria-live="polite">
        {said}
      </span>
    </>
  )
}
