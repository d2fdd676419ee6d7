// Bench rows of the reservation log, beside raw appends to a file with one sync each.
import { cpSync, fdatasync, readdirSync, readFileSync, statSync, write } from 'node:fs'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { readLog, type Runtime } from '@terrarium/process'
import { figure, type Figure } from '../figure.ts'
import { median } from '../measure.ts'
import type { Stage } from './stage.ts'
import { inTurns, type Sample } from './turns.ts'

const MANY = 64

/**
 * Appends a record. Resolves when it is on disk, with what is still to be awaited when the turn is over.
 */
type Append = () => Promise<{ readonly settled: Promise<unknown> }>

/**
 * Measures a reservation beside appending as many bytes to a file and syncing it. Every raw append has a sync of its
 * own. Both write to the same file system.
 */
export async function measureReservations(stage: Stage): Promise<Figure[]> {
  const { runtime } = stage.standard
  const { bytes } = await checkReservations(runtime, 1, stage.folder)
  stage.log(`a reservation is ${bytes} bytes, and so is a raw append; 1 and ${MANY} in flight, in turns`)
  const raw = await openRaw(join(stage.folder, 'raw'), bytes)
  try {
    const [oursAlone, rawAlone] = await compare(raw, 1, stage)
    const [oursMany, rawMany] = await compare(raw, MANY, stage)
    const rate = { name: `reservations at ${MANY}`, value: oursMany.rate, unit: '1/s' }
    return [
      figure({
        name: 'reservation, p50 at 1',
        value: oursAlone.p50,
        unit: 'µs',
        against: { name: 'raw fdatasync', value: rawAlone.p50 },
        target: { atMost: 1.5 },
      }),
      // As many at a time as there are reservations, in no order: the kernel commits the syncs of four threads
      // together.
      figure({
        ...rate,
        against: { name: `raw fdatasync at ${MANY}, in any order`, value: rawMany.rate },
        target: { atLeast: 5 },
      }),
      // As a log without group commit is written: in order, each append with a sync of its own.
      figure({ ...rate, against: { name: 'raw fdatasync, one after the other', value: rawAlone.rate } }),
      figure({
        name: `reservation, p50 at ${MANY}`,
        value: oursMany.p50,
        unit: 'µs',
        against: { name: `raw fdatasync at ${MANY}`, value: rawMany.p50 },
      }),
    ]
  } finally {
    await raw.close()
  }
}

type Cost = Sample<'p50' | 'rate'>

async function compare(raw: Raw, inFlight: number, stage: Stage): Promise<[ours: Cost, raw: Cost]> {
  const { standard, quick, signal, folder } = stage
  const [ours, theirs] = await inTurns(
    [
      async () => {
        const before = changesOf(standard.runtime)
        let count = 0
        const cost = await append(() => reserve(standard.runtime, () => count++), inFlight, stage)
        // A reservation is a change, and so is its release.
        const changes = changesOf(standard.runtime) - before
        if (changes !== 2 * count) throw new Error(`${count} reservations have left ${changes} changes in the log`)
        await checkReservations(standard.runtime, inFlight, folder)
        return cost
      },
      async () => {
        const cost = await append(raw.append, inFlight, stage)
        await raw.check()
        return cost
      },
    ],
    { rounds: quick ? 3 : 9, signal },
  )
  if (ours === undefined || theirs === undefined) throw new RangeError('two contenders, two results')
  return [ours.median, theirs.median]
}

/** Appends for a while, with so many in flight. Returns appends per second and the median time of one append, in µs. */
async function append(once: Append, inFlight: number, { quick }: Stage): Promise<Cost> {
  const latencies: number[] = []
  const start = performance.now()
  const end = start + (quick ? 100 : 1_000)
  const appendUntilEnd = async (): Promise<void> => {
    let last: Promise<unknown> = Promise.resolve()
    for (let begun = performance.now(); begun < end; begun = performance.now()) {
      const { settled } = await once()
      latencies.push(performance.now() - begun)
      // At one in flight, the work after a reservation must not be batched with the next reservation.
      if (inFlight === 1) await settled
      last = settled
    }
    await last
  }
  await Promise.all(Array.from({ length: inFlight }, appendUntilEnd))
  return { rate: (latencies.length / (performance.now() - start)) * 1_000, p50: median(latencies) * 1_000 }
}

const NOT_NEEDED = new Error('the process itself is not needed')

/** A spawn that is given up once it is reserved: no process is started, and the reservation is released. */
function reserve(runtime: Runtime, onReserved: (spawn: string) => void = () => undefined): ReturnType<Append> {
  return new Promise((resolve, reject) => {
    const settled = runtime
      .spawn({
        name: 'bench',
        command: 'python3',
        args: [],
        onReserved: (spawn) => {
          onReserved(spawn)
          resolve({ settled })
          throw NOT_NEEDED
        },
      })
      .catch((error: unknown) => {
        if (error !== NOT_NEEDED) reject(new Error(`a reservation has failed: ${String(error)}`, { cause: error }))
      })
  })
}

/**
 * Reserves so many at once. When the first is reported on disk, checks that all are, because they were written
 * together. Returns the growth of the log, in bytes.
 */
async function checkReservations(runtime: Runtime, count: number, folder: string): Promise<{ bytes: number }> {
  const copy = await mkdtemp(join(folder, 'copy-'))
  const log = logOf(runtime)
  const spawns: string[] = []
  const before = sizeOf(log)
  const seen = { bytes: NaN, isWhole: false }
  const reservations = Array.from({ length: count }, () =>
    reserve(runtime, (spawn) => {
      if (spawns.push(spawn) > 1) return
      seen.bytes = sizeOf(log) - before
      seen.isWhole = copyLog(log, join(copy, 'log'))
    }),
  )
  for (const { settled } of await Promise.all(reservations)) await settled
  if (!seen.isWhole) {
    await rm(copy, { recursive: true })
    return checkReservations(runtime, count, folder)
  }
  const { reservations: found, damage } = await readLog(join(copy, 'log'))
  await rm(copy, { recursive: true })
  const missing = spawns.filter((spawn) => !found.some((record) => record.spawn === spawn))
  if (spawns.length !== count || missing.length > 0 || damage.length > 0) {
    throw new Error(`of ${count} reservations ${missing.length} are not in the log: ${damage.join('; ')}`)
  }
  return seen
}

/** False if LevelDB compacted its files meanwhile, as it does in the background after many changes. */
function copyLog(log: string, copy: string): boolean {
  const names = readdirSync(log).join()
  try {
    cpSync(log, copy, { recursive: true })
    cpSync(`${log}.seq`, `${copy}.seq`)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return false
  }
  return readdirSync(log).join() === names
}

const logOf = ({ stateDir, runId }: Runtime): string => join(stateDir, 'runs', runId, 'log')

/** How many reservations the log has seen, read from the sequence file. */
const changesOf = (runtime: Runtime): number => Number(readFileSync(`${logOf(runtime)}.seq`, 'latin1'))

/** The bytes that LevelDB has appended. */
function sizeOf(log: string): number {
  const names = readdirSync(log).filter((name) => name.endsWith('.log'))
  return names.reduce((sum, name) => sum + statSync(join(log, name)).size, 0)
}

interface Raw {
  readonly append: Append
  readonly check: () => Promise<void>
  readonly close: () => Promise<void>
}

async function openRaw(path: string, bytes: number): Promise<Raw> {
  const file = await open(path, 'ax')
  const record = Buffer.alloc(bytes, 'r')
  const [append, sync] = [promisify(write), promisify(fdatasync)]
  let written = 0
  return {
    append: async () => {
      await append(file.fd, record)
      await sync(file.fd)
      written += bytes
      return { settled: Promise.resolve() }
    },
    check: async () => {
      const { size } = await file.stat()
      if (size !== written) throw new Error(`${size} bytes are in the file, not ${written}`)
    },
    close: () => file.close(),
  }
}
