// createInspector() in Node: its options, its address, a saved trace, and programs that end by themselves.
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from '@jest/globals'
import { createActor, createMachine } from 'xstate'
import { createInspector, InspectorError, type Inspector, type InspectorOptions } from '../src/index.ts'

const light = createMachine({ id: 'light', initial: 'red', states: { red: { on: { NEXT: 'green' } }, green: {} } })

async function withInspector(options: InspectorOptions, body: (inspector: Inspector) => Promise<void>): Promise<void> {
  const inspector = createInspector({ print: () => undefined, ...options })
  try {
    await body(inspector)
  } finally {
    await inspector.close()
  }
}

test('every mistake in the options is named at once', () => {
  const origins = ['localhost:5173']
  const wrong = { name: '', port: 70_000, origins, redact: 1, record: 1, stately: 1, print: 1, colour: 'red' }
  let thrown: unknown
  try {
    createInspector(wrong as unknown as InspectorOptions)
  } catch (error) {
    thrown = error
  }
  expect(thrown).toBeInstanceOf(InspectorError)
  expect(thrown).toMatchObject({
    code: 'INVALID_ARGUMENT',
    hint: 'Correct the options of createInspector(). They are: name, port, origins, redact, record, stately, print.',
    details: {
      mistakes: [
        'name is not a text',
        'port is not a port from 0 to 65535',
        'origins is not a list of origins such as http://localhost:5173',
        'redact is not a function',
        'record is not true or false',
        'stately is not true, or an adapter, which has a method send',
        'print is not a function',
        'there is no option colour',
      ],
    },
  })
})

test('a root is watched, and what is no root is refused', async () => {
  await withInspector({}, (inspector) => {
    const actor = createActor(createMachine({ id: 'light' })).start()
    const end = inspector.watch(actor)
    end()
    const child = createActor(createMachine({ id: 'child' }), { parent: actor } as object)
    for (const [wrong, mistake] of [
      [undefined, 'the root is not an actor'],
      [createMachine({}), 'the root is not an actor'],
      [child, 'the actor has a parent'],
    ] as const) {
      const error = { code: 'INVALID_ARGUMENT', details: { mistakes: [mistake] } }
      expect(() => inspector.watch(wrong as never)).toThrow(expect.objectContaining(error))
    }
    return Promise.resolve()
  })
})

test('the address is printed, and a port that is taken is told without an error', async () => {
  const printed: string[] = []
  await withInspector({ print: (line) => printed.push(line) }, async ({ address }) => {
    const url = await address
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/#t=[\w-]{32}$/)
    expect(printed).toEqual([`Inspector: ${url}`])
    await withInspector({ port: Number(new URL(url).port), print: (line) => printed.push(line) }, async (second) => {
      await expect(second.address).rejects.toMatchObject({ code: 'NOT_SERVED' })
      expect(printed[1]).toMatch(/^Inspector: .* Choose another port, or leave the option port out for any free one\.$/)
    })
  })
})

test('a trace is one file for its owner, with everything that is known, and no element of HTML from a value', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'terrarium-trace-'))
  try {
    await withInspector({ name: 'shop' }, async (inspector) => {
      const machine = createMachine({ id: 'm', context: { text: '</script><b>', password: 'hunter2' }, on: { GO: {} } })
      const actor = createActor(machine, { id: 'unsafe', inspect: inspector.inspect }).start()
      actor.send({ type: 'GO' })
      const path = await inspector.save(join(folder, 'trace.html'))
      const html = readFileSync(path, 'utf8')
      const [, json = ''] = /<script type="application\/json" id="trace">([^<]*)<\/script>/.exec(html) ?? []
      const messages = JSON.parse(json) as { t: string }[]
      expect(messages.map(({ t }) => t)).toEqual(['hello', 'snap', 'detail'])
      expect(messages[1]).toMatchObject({ actors: [{ name: 'unsafe' }], events: [{ 4: 'xstate.init' }, { 4: 'GO' }] })
      expect(messages[2]).toMatchObject({
        snapshot: {
          o: [
            [
              'context',
              {
                o: [
                  ['text', '</script><b>'],
                  ['password', { x: 'redacted' }],
                ],
              },
            ],
          ],
        },
      })
      expect(statSync(path).mode & 0o777).toBe(0o600)
      actor.stop()
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('contents of events are in a trace with record, and only their types without', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'terrarium-trace-'))
  try {
    for (const record of [true, false])
      await withInspector({ record }, async (inspector) => {
        const actor = createActor(light, { inspect: inspector.inspect }).start()
        actor.send({ type: 'NEXT', page: 'the-payload' })
        const html = readFileSync(await inspector.save(join(folder, `${record}.html`)), 'utf8')
        expect(html.includes('the-payload')).toBe(record)
        actor.stop()
      })
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('a trace that cannot be written is NOT_SAVED', () =>
  withInspector({}, async (inspector) => {
    await expect(inspector.save('/nowhere/at/all.html')).rejects.toMatchObject({
      code: 'NOT_SAVED',
      details: { path: '/nowhere/at/all.html' },
    })
  }))

test('a program with an inspector ends by itself', async () => {
  const program = `
    import { createInspector } from '@terrarium/inspector'
    import { createActor, createMachine } from 'xstate'
    const inspector = createInspector({ print: (line) => console.log(line) })
    const actor = createActor(createMachine({}), { inspect: inspector.inspect }).start()
    await inspector.address
    await fetch((await inspector.address).split('#')[0])
    console.log('done')`
  const args = ['--input-type=module', '-e', program]
  const { stdout } = await promisify(execFile)(process.execPath, args, {
    cwd: import.meta.dirname,
    timeout: 60_000,
  })
  expect(stdout).toMatch(/^Inspector: http:.*\ndone\n$/)
})
