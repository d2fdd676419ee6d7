// The progress line of the main job.
import { count, number } from './report.ts'

/** The part of a stream that progress is shown on. */
export interface Screen {
  write(text: string): unknown
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
}

/** How often the bar is drawn, and a line is printed, in ms. */
const DRAW_EVERY = 100
const PRINT_EVERY = 2_000
const WIDEST_BAR = 30
const ERASE = '\r\u001b[K'

/** A bar on a terminal; elsewhere a line about every two seconds. */
export class Progress {
  readonly #screen: Screen
  readonly #isTerminal: boolean
  readonly #total: number
  readonly #now: () => number
  readonly #begun: number
  #done = 0
  #shownAt: number

  /**
   * @param now a clock in ms that never goes back
   * @param term the kind of terminal; on `dumb`, which cannot erase, lines are printed as elsewhere
   */
  constructor(
    screen: Screen,
    total: number,
    now: () => number = () => performance.now(),
    term: string | undefined = process.env.TERM,
  ) {
    this.#screen = screen
    this.#isTerminal = screen.isTTY === true && term !== 'dumb'
    this.#total = total
    this.#now = now
    this.#begun = this.#shownAt = now()
  }

  advance(): void {
    this.#done += 1
    const now = this.#now()
    if (now - this.#shownAt < (this.#isTerminal ? DRAW_EVERY : PRINT_EVERY)) return
    this.#shownAt = now
    if (this.#isTerminal) this.#draw()
    else this.#screen.write(`${this.#state()}\n`)
  }

  /** A line that stays, above the bar. */
  say(line: string): void {
    this.#screen.write(`${this.#isTerminal ? ERASE : ''}${line}\n`)
    if (this.#isTerminal) this.#draw()
  }

  /** Removes the bar. */
  end(): void {
    if (this.#isTerminal) this.#screen.write(ERASE)
  }

  #draw(): void {
    const state = this.#state()
    const width = Math.min(WIDEST_BAR, (this.#screen.columns ?? 80) - state.length - 4)
    const full = Math.round((this.#done / this.#total) * width)
    const bar = width < 5 ? '' : `[${'#'.repeat(full)}${'.'.repeat(width - full)}] `
    this.#screen.write(`${ERASE}${bar}${state}`.slice(0, ERASE.length + (this.#screen.columns ?? 80) - 1))
  }

  #state(): string {
    const rate = this.#done / Math.max(0.001, (this.#now() - this.#begun) / 1000)
    const left = rate === 0 ? '?' : String(Math.ceil((this.#total - this.#done) / rate))
    return `${number(this.#done)} of ${count(this.#total, 'file')}, ${number(Math.round(rate))}/s, ${left} s left`
  }
}
