// The program whose page docs/seeing.md shows: a pool that works, a pool whose tools import a module that is missing,
// and a supervisor whose child fails. It prints the address of its page, and ends with its standard input.
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { observe } from '@terrarium/observe'
import { createPool } from '@terrarium/pool'
import { createSupervisor } from '@terrarium/supervisor'
import { pino } from 'pino'
import { fromCallback } from 'xstate'

const TEXT_TOOLS = `
import asyncio


@tool
def count(text: str) -> int:
    return len(text.split())


@tool
def words(text: str, times: int) -> "list[str]":
    return sorted((text * times).split())


@tool
async def summary(text: str, delay: float) -> str:
    await asyncio.sleep(delay)
    return text
`

const folder = await mkdtemp(join(tmpdir(), 'terrarium-seeing-'))
// Of its own: the picture shows where the interpreter is.
const python = join(folder, '.venv')
await promisify(execFile)(process.env.TERRARIUM_PYTHON || 'python3', ['-m', 'venv', python])
const common = { python, stateDir: join(folder, 'state'), logger: pino({ level: 'silent' }) }
const tools = async (name, text) => {
  const path = join(folder, name)
  await writeFile(path, `from terrarium import tool\n${text}`)
  return path
}

const text = createPool({
  ...common,
  name: 'text',
  size: 8,
  concurrency: 2,
  tools: await tools('text_tools.py', TEXT_TOOLS),
})
const ocr = createPool({
  ...common,
  name: 'ocr',
  size: 4,
  tools: await tools(
    'ocr_tools.py',
    'import easyocr\n\n\n@tool\ndef read(path: str) -> str:\n    return easyocr.Reader(path)\n',
  ),
})

/** A child that stays. */
const child = (id) => ({ id, logic: fromCallback(() => undefined) })
const failing = {
  id: 'db',
  logic: fromCallback(({ receive }) => {
    receive(() => {
      throw new Error('the disk is full')
    })
  }),
}
const shop = createSupervisor({
  id: 'shop',
  strategy: 'rest_for_one',
  intensity: 5,
  period: 60_000,
  children: [failing, child('api'), child('web')],
})

const observer = await observe([text, ocr, shop], {
  name: 'shop',
  page: true,
  record: true,
  actions: true,
})
await Promise.all([text.start(), ocr.start().catch(() => undefined), shop.start()])
process.stdout.write(`page ${observer.address}\nactions ${observer.actionsAddress}\n`)

const calls = setInterval(() => {
  for (let n = 0; n < 20; n += 1) text.call('count', { text: 'to be or not to be' }).catch(() => undefined)
  for (let n = 0; n < 4; n += 1)
    text.call('words', { text: 'to be or not to be ', times: 200 * n }).catch(() => undefined)
}, 100)
const summaries = setInterval(() => {
  text.call('summary', { text: 'to be', delay: 1 + Math.random() }, { timeout: 20_000 }).catch(() => undefined)
}, 400)
setTimeout(() => shop.child('db')?.send({ type: 'write' }), 1_000)
setTimeout(() => text.kill('worker-3'), 2_000)
setTimeout(() => text.park('worker-6', 'its graphics card is replaced').catch(() => undefined), 4_000)

process.stdin.resume().on('end', async () => {
  clearInterval(calls)
  clearInterval(summaries)
  await Promise.all([text.stop(), ocr.stop(), shop.stop()])
  await observer.stop()
  await rm(folder, { recursive: true })
  process.exit(0)
})
