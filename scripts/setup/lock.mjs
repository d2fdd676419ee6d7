// One set-up of a checkout at a time. The lock is a chain of numbered files, lock-1, lock-2 …: the set-up that creates
// the next number exclusively, and then finds no higher one, holds it. A number may be taken when the highest one is
// released or its owner is gone. Numbers never go back and the highest file always stays, so two set-ups that find the
// same dead owner cannot both succeed it.
import { randomBytes } from 'node:crypto'
import { linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { setupFolder } from './paths.mjs'
import { isAlive, processesWith, signal, startOf } from './processes.mjs'

const NAME = /^lock-(\d+)$/
/** The variable that names the set-up in the environment of its commands. */
const TOKEN = 'TERRARIUM_SETUP'

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
    if (highest?.owner !== undefined && isRunning(highest.owner)) {
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
    process.env[TOKEN] = token
    return {
      release() {
        if (process.env[TOKEN] !== token) return
        delete process.env[TOKEN]
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

const isRunning = ({ pid, start }) => isAlive(pid) && startOf(pid) === start

/** Kills the commands of a set-up that was itself killed: they carry its token in their environment. */
async function endLeftovers(token) {
  if (token === undefined) return
  for (let left = processesWith(TOKEN, token); left.length > 0; left = processesWith(TOKEN, token)) {
    for (const pid of left) signal(pid, 'SIGKILL')
    await delay(20)
  }
}
