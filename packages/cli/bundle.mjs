// Makes dist/look.js of what tsc has built: the commands that only look, and all that they load, in one file. To find
// and read the sixty files takes longer than to look. The commands that start workers stay outside.
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const at = (path) => fileURLToPath(new URL(path, import.meta.url))

/** For packages that are written in CommonJS. */
const REQUIRE = "import { createRequire } from 'node:module'\nconst require = createRequire(import.meta.url)"

/** The notices of what is bundled. */
const LICENCES = '/* Includes commander (MIT) and picocolors (ISC): see the README of @terrarium/cli. */'

await build({
  entryPoints: [at('dist/main.js')],
  outfile: at('dist/look.js'),
  bundle: true,
  minify: true,
  keepNames: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  external: ['call', 'doctor', 'list'].map((name) => `./commands/${name}.js`),
  banner: { js: `${LICENCES}\n${REQUIRE}` },
  legalComments: 'none',
  logLevel: 'error',
})
