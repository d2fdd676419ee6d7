import { readFile } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { expect, test } from '@jest/globals'

/** In kB: how far the README may be from what is measured. */
const MARGIN = 0.5

/** What a bundle of the whole package costs, minified and gzipped, in kB. */
async function sizeOf(external: string[]): Promise<number> {
  const { outputFiles, metafile } = await build({
    stdin: { contents: "export * from '@terrarium/supervisor'", resolveDir: import.meta.dirname, loader: 'js' },
    bundle: true,
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
  return gzipSync(outputFiles[0]?.contents ?? '', { level: 9 }).length / 1_000
}

test('F11: the bundle is as large as the README says, alone and with what it uses of XState', async () => {
  const readme = await readFile(new URL('../../packages/supervisor/README.md', import.meta.url), 'utf8')
  const claim = /([\d.]+) kB minified and gzipped,\s+([\d.]+) kB with what it uses of XState/.exec(readme)
  const [, alone = '', withXState = ''] = claim ?? []
  const measured = [await sizeOf(['xstate']), await sizeOf([])]
  const said = [Number(alone), Number(withXState)]
  const far = measured.filter((size, index) => !(Math.abs(size - (said[index] ?? NaN)) <= MARGIN))
  expect({ said, measured, far }).toEqual({ said, measured, far: [] })
})
