// One set-up of a checkout at a time. The lock is a chain of numbered files, lock-1, lock-2 …: the set-up that creates
// the next number exclusively, and then finds no higher one, holds it. A number may be taken when the highest one is
// released or its owner is gone. Numbers never go back and the highest file always stays, so two set-ups that find the
// same dead owner cannot both succeed it.
import { randomBytes } from 'node:crypto'
import { linkSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { processesWith, signal, startOf } from '../processes.mjs'
import { readJson, setupFolder } from './paths.mjs'

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
  const draft = pathOf(`draft-${token}`)
  for (let isTold = false; ;) {
    const highest = numbers().at(-1) ?? 0
    const owner = ownerOf(highest)
    if (owner.start !== undefined && startOf(owner.pid) === owner.start) {
      if (!isTold) onWait(owner)
      isTold = true
      await delay(200)
      continue
    }
    const mine = pathOf(highest + 1)
    writeFileSync(draft, JSON.stringify({ pid: process.pid, start: startOf(process.pid), token }))
    const isCreated = link(draft, mine)
    rmSync(draft, { force: true })
    if (!isCreated) continue
    if (numbers().at(-1) !== highest + 1) {
      rmSync(mine, { force: true })
      continue
    }
    for (const older of numbers().slice(0, -1)) {
      await endLeftovers(ownerOf(older).token)
      rmSync(pathOf(older), { force: true })
    }
    process.env[TOKEN] = token
    const release = () => {
      if (process.env[TOKEN] !== token) return
      delete process.env[TOKEN]
      writeFileSync(draft, '{}')
      renameSync(draft, mine)
    }
    return { release }
  }
}

const pathOf = (number) => join(setupFolder, `lock-${number}`)

const numbers = () =>
  readdirSync(setupFolder)
    .flatMap((name) => NAME.exec(name)?.slice(1).map(Number) ?? [])
    .sort((a, b) => a - b)

/** `{}` for a number that is released, or that does not exist. */
function ownerOf(number) {
  try {
    return readJson(pathOf(number))
  } catch {
    return {}
  }
}

/** Makes a file appear with its whole content at once; false when there is one already. */
function link(draft, path) {
  try {
    linkSync(draft, path)
    return true
  } catch (error) {
    if (error.code === 'EEXIST') return false
    throw error
  }
}

/** Kills the commands of a set-up that was itself killed: they carry its token in their environment. */
async function endLeftovers(token) {
  if (token === undefined) return
  const find = () => processesWith(`${TOKEN}=${token}`)
  for (let left = find(); left.length > 0; left = find()) {
    for (const pid of left) signal(pid, 'SIGKILL')
    await delay(20)
  }
}
