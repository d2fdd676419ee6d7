// Finds where Python was when native code ended it, in what `faulthandler` has written to standard error.

/** The thread that was running, then its frames, the innermost first. */
const THREAD = /^Current thread 0x[\da-f]+.*\(most recent call first\):$/
const FRAME = /^ {2}File "(.+)", line (\d+|\?\?\?) in (.+)$/
/** Code of Python itself, of packages, and what runs before the tools. */
const FOREIGN = /\/(?:lib|lib64)\/python3[^/]*\/|\/site-packages\/|<frozen |\/terrarium\/_/

/**
 * The frame that tells most: the innermost of the user's own code, else the innermost of all. For example
 * `resize, line 12 of /srv/tools.py`. `undefined` without such a traceback.
 */
export function faultFrame(stderr: string): string | undefined {
  const lines = stderr.split('\n').map((line) => line.trimEnd())
  const at = lines.findLastIndex((line) => THREAD.test(line))
  if (at === -1) return undefined
  const frames: (readonly [file: string, text: string])[] = []
  for (const line of lines.slice(at + 1)) {
    const [, file = '', number = '', name = ''] = FRAME.exec(line) ?? []
    if (file === '') break
    frames.push([file, `${name}, line ${number} of ${file}`])
  }
  return (frames.find(([file]) => !FOREIGN.test(file)) ?? frames[0])?.[1]
}
