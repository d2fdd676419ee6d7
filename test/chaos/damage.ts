// Damage to the files of a reservation log.
import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** The kinds of damage. `random`: where in the file, from 0 to 1. */
export const DAMAGES: Readonly<Record<string, (log: string, random: number) => void>> = {
  'a flipped bit in the log': (log, random) => {
    flip(named(log, /\.log$/), random)
  },
  'a flipped bit in the manifest': (log, random) => {
    flip(named(log, /^MANIFEST/), random)
  },
  'a flipped bit in CURRENT': (log, random) => {
    flip(named(log, /^CURRENT/), random)
  },
  'a log without its tail': (log, random) => {
    cut(named(log, /\.log$/), 0.5 + random / 2)
  },
  'a cut manifest': (log, random) => {
    cut(named(log, /^MANIFEST/), random)
  },
  'an emptied log': (log) => {
    cut(named(log, /\.log$/), 0)
  },
  'an empty CURRENT': (log) => {
    cut(named(log, /^CURRENT/), 0)
  },
  'a lost log': (log) => {
    rmSync(named(log, /\.log$/))
  },
  'a lost manifest': (log) => {
    rmSync(named(log, /^MANIFEST/))
  },
  'a lost CURRENT': (log) => {
    rmSync(named(log, /^CURRENT/))
  },
  'all files lost': (log) => {
    for (const name of readdirSync(log)) rmSync(join(log, name))
  },
  'the folder lost': (log) => {
    rmSync(log, { recursive: true })
  },
  'the owner record lost': (log) => {
    rmSync(join(log, '..', 'owner.json'))
  },
}

const named = (log: string, pattern: RegExp): string =>
  join(log, readdirSync(log).find((name) => pattern.test(name)) ?? 'not there')

function flip(file: string, random: number): void {
  const bytes = readFileSync(file)
  const at = Math.floor(random * bytes.length)
  bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(random * 8))
  writeFileSync(file, bytes)
}

function cut(file: string, fraction: number): void {
  truncateSync(file, Math.floor(readFileSync(file).length * fraction))
}
