import { build } from 'esbuild'
import { expect, test } from '@jest/globals'
import { createContext, runInContext } from 'node:vm'

/** A page that uses the supervisor: a tree, a crash, a restart, a stop. */
const PAGE = `
  import { createSupervisor, supervisor } from '@terrarium/supervisor'
  import { fromCallback, fromTransition } from 'xstate'

  const fragile = fromCallback(({ receive }) => {
    receive(() => { throw new Error('dropped') })
  })
  const inner = supervisor({ id: 'inner', children: [{ id: 'fragile', logic: fragile }] })
  const app = createSupervisor({
    id: 'app',
    children: [{ id: 'counter', logic: fromTransition((n) => n + 1, 0) }, { id: 'inner', logic: inner }],
  })
  const fragileChild = () => app.children[1].ref.getSnapshot().child('fragile')
  const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
  globalThis.run = async () => {
    await app.start()
    await later(5)
    fragileChild().ref.send({ type: 'fall' })
    await later(5)
    const { state, incarnation } = fragileChild()
    const running = await app.countChildren()
    await app.stop()
    return JSON.stringify({ state, incarnation, running, end: app.children.map((child) => child.state) })
  }
`

test('the supervisor, bundled for a browser, runs in a realm with nothing but timers, a clock and a console', async () => {
  const { outputFiles, metafile } = await build({
    stdin: { contents: PAGE, resolveDir: import.meta.dirname, loader: 'js' },
    bundle: true,
    write: false,
    metafile: true,
    format: 'iife',
    platform: 'browser', // an import of a Node module fails the build
    target: 'es2022',
    minify: true,
  })
  expect(Object.keys(metafile.inputs).some((path) => path.includes('supervisor/dist/index.js'))).toBe(true)
  const [bundle] = outputFiles
  const realm = createContext({ setTimeout, clearTimeout, performance, console }) as { run?: () => Promise<string> }
  runInContext(bundle?.text ?? '', realm)
  expect(JSON.parse((await realm.run?.()) ?? '')).toEqual({
    state: 'running',
    incarnation: 2,
    running: { specs: 2, active: 2, supervisors: 1, workers: 1 },
    end: ['stopped', 'stopped'],
  })
})
