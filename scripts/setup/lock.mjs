import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { setupFolder } from './paths.mjs'

// The lock is a chain of numbered files, lock-1, lock-2 …: whoever creates the next number exclusively, and then finds
// no higher one, holds it. A number may be taken when the highest one is released or its owner is gone. Numbers never
// go back and the highest file always stays, so two set-ups that find the same dead owner cannot both succeed it.

const NAME = /^lock-(\d+)$/
const MARKER = 'TERRARIUM_SETUP'

/**
 * Waits until this process may set up this checkout. What a dead owner left running is ended first.
 *
 * @param {(owner: { pid: number }) => void} onWait called once when another set-up holds the lock
 * @returns {Promise<{ release: () => void }>}
 */
export async function acquireLock(onWait) {
  mkdirSync(setupFolder, { recursive: true })
  const token = randomBytes(12).toString('hex')
  const mine = { pid: process.pid, start: startOf(process.pid), token }
  let told = false
  for (;;) {
    const highest = readHighest()
    if (highest?.owner !== undefined && isAlive(highest.owner)) {
      if (!told) onWait(highest.owner)
      told = true
      await delay(200)
      continue
    }
    const number = (highest?.number ?? 0) + 1
    if (!create(number, mine)) continue
    if (numbers().at(-1) !== number) {
      rmSync(pathOf(number), { force: true })
      continue
    }
    for (const older of numbers().filter((candidate) => candidate < number)) {
      await endLeftovers(read(older)?.token)
      rmSync(pathOf(older), { force: true })
    }
    process.env[MARKER] = token
    return {
      release() {
        if (process.env[MARKER] !== token) return
        delete process.env[MARKER]
        const draft = pathOf(`released-${token}`)
        writeFileSync(draft, '{}')
        renameSync(draft, pathOf(number))
      },
    }
  }
}

const pathOf = (number) => join(setupFolder, `lock-${number}`)

const numbers = () =>
  readdirSync(setupFolder)
    .map((name) => Number(NAME.exec(name)?.[1]))
    .filter((number) => !Number.isNaN(number))
    .sort((a, b) => a - b)

function read(number) {
  try {
    return JSON.parse(readFileSync(pathOf(number), 'utf8'))
  } catch {
    return undefined
  }
}

function readHighest() {
  const number = numbers().at(-1)
  if (number === undefined) return undefined
  const content = read(number)
  return { number, owner: content?.pid === undefined ? undefined : content }
}

/** Creates a number with its whole content at once; false when it exists. */
function create(number, content) {
  const draft = pathOf(`draft-${content.token}`)
  writeFileSync(draft, JSON.stringify(content))
  try {
    linkSync(draft, pathOf(number))
    return true
  } catch (error) {
    if (error.code === 'EEXIST') return false
    throw error
  } finally {
    rmSync(draft, { force: true })
  }
}

function isAlive({ pid, start }) {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (error.code === 'ESRCH') return false
  }
  return startOf(pid) === start
}

/**
 * When a process started, in whatever form the system has; '' when it is gone. A pid alone may belong to another by
 * now.
 */
function startOf(pid) {
  try {
    if (process.platform === 'linux') {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
    }
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim()
  } catch {
    return ''
  }
}

/** Kills the commands of a set-up that was itself killed: they carry its token in their environment (Linux only). */
async function endLeftovers(token) {
  if (token === undefined || process.platform !== 'linux') return
  for (let left = carriers(token); left.length > 0; left = carriers(token)) {
    for (const pid of left) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch (error) {
        if (error.code !== 'ESRCH') throw error
      }
    }
    await delay(20)
  }
}

const carriers = (token) =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(`${MARKER}=${token}`)
      } catch {
        return false // gone, or not ours to read
      }
    })
