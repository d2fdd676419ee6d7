import { readFile } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'
import { build, type Metafile } from 'esbuild'
import { expect, test } from '@jest/globals'

/** The largest difference between the README and the measured size, in kB. */
const MARGIN = 0.5

/** The largest bundle of all exports without XState, in kB. What needs more belongs behind another door. */
const LARGEST = 36.6

/** Parts behind other doors, for servers, for journals, for tests; and what is loaded when a what-if is asked. */
const NOT_OF_MAIN_DOOR = [
  ...['otp/server/server', 'otp/registry', 'otp/link', 'supervised-task'],
  ...['replay/journal', 'replay/encoder', 'replay/replay'],
  ...['base/virtual-clock', 'base/guarded-clock', 'base/patience'],
  ...['actor/what-if', 'core/what-if', 'core/rehearsal', 'core/foretold'],
]

/** What a page loads before the first line runs: the first file, and all that it imports, but for `import()`. */
function loadedAtFirst({ outputs }: Metafile): string[] {
  const loaded = Object.keys(outputs).filter((path) => outputs[path]?.entryPoint === '<stdin>')
  for (const path of loaded) {
    for (const { path: next, kind } of outputs[path]?.imports ?? [])
      if (kind === 'import-statement' && next in outputs && !loaded.includes(next)) loaded.push(next)
  }
  return loaded
}

/** The size of a bundle of these exports, minified and gzipped, in kB, without what is loaded later. */
async function sizeOf(exports: string, external: string[]): Promise<number> {
  const { outputFiles, metafile } = await build({
    stdin: {
      contents: `export ${exports} from '@terrarium/supervisor'`,
      resolveDir: import.meta.dirname,
      loader: 'js',
    },
    bundle: true,
    splitting: true,
    outdir: 'bundle',
    write: false,
    metafile: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    external,
  })
  const inputs = Object.keys(metafile.inputs)
  expect(inputs.some((path) => path.includes('supervisor/dist/index.js'))).toBe(true)
  expect(inputs.some((path) => path.includes('/xstate/'))).toBe(external.length === 0)
  const first = loadedAtFirst(metafile)
  expect(first.length).toBeGreaterThan(0)
  const used = first.flatMap((output) =>
    Object.entries(metafile.outputs[output]?.inputs ?? {}).flatMap(([path, { bytesInOutput }]) =>
      bytesInOutput > 0 ? [path] : [],
    ),
  )
  const has = (file: string): boolean => used.some((path) => path.endsWith(`supervisor/dist/${file}.js`))
  expect(has('actor/logic')).toBe(true)
  expect(NOT_OF_MAIN_DOOR.filter(has)).toEqual([])
  const files = outputFiles.filter(({ path }) => first.some((each) => path.endsWith(`/${each}`)))
  expect(files).toHaveLength(first.length)
  return gzipSync(Buffer.concat(files.map(({ contents }) => contents)), { level: 9 }).length / 1_000
}

test('F11: the bundle is as large as the README says, alone and with what it uses of XState', async () => {
  const readme = await readFile(new URL('../../packages/supervisor/README.md', import.meta.url), 'utf8')
  const claim = /([\d.]+) kB minified and gzipped,\s+([\d.]+) kB with what it uses of XState/g
  const said = [...readme.matchAll(claim)].flatMap(([, alone, withXState]) => [Number(alone), Number(withXState)])
  const measured: number[] = []
  for (const exports of ['{ createSupervisor }', '*']) {
    for (const external of [['xstate'], []]) measured.push(await sizeOf(exports, external))
  }
  const far = measured.filter((size, index) => !(Math.abs(size - (said[index] ?? NaN)) <= MARGIN))
  expect({ said, measured, far }).toEqual({ said, measured, far: [] })
  expect(measured[2]).toBeLessThanOrEqual(LARGEST)
})
