// Makes what a browser loads. dist/page.html is one file with its style and script, and a content security policy that
// names both by their hash and lets nothing else in. dist/inspector.global.js is the inspector for a script element.
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const at = (path) => fileURLToPath(new URL(path, import.meta.url))

/** The text of a bundle of one entry. */
async function bundle(entry, options = {}) {
  const result = await build({
    entryPoints: [at(entry)],
    bundle: true,
    minify: true,
    write: false,
    legalComments: 'none',
    charset: 'utf8',
    target: ['chrome115', 'firefox115', 'safari16.4'],
    logLevel: 'error',
    ...options,
  })
  return result.outputFiles[0].text.trim()
}

const hash = (text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`

/** The notices of what is bundled. */
const LICENCES =
  '/* Includes preact and @dagrejs/dagre, both under the MIT licence: see the README of @terrarium/inspector. */'

const style = await bundle('page/style.css')
const code = await bundle('page/main.tsx', { format: 'iife', jsx: 'automatic', jsxImportSource: 'preact' })
const script = `${LICENCES}\n${code}`.replaceAll('</script', '<\\/script')
const policy = [
  "default-src 'none'",
  `script-src ${hash(script)}`,
  `style-src ${hash(style)}`,
  'img-src data:',
  "connect-src 'self' ws://127.0.0.1:* ws://localhost:*",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ')
const parts = { '%POLICY%': policy, '%STYLE%': style, '%SCRIPT%': script }
// What surrounds a text would be hashed with it.
const page = readFileSync(at('page/index.html'), 'utf8').replace(/\s*(%[A-Z]+%)\s*/g, (_, name) => parts[name] ?? name)
writeFileSync(at('dist/page.html'), page)
const define = { PAGE: JSON.stringify(page) }
// A document without a charset reads other letters wrongly, and then no hash is right.
const charset = 'ascii'
const global = await bundle('src/web/script.ts', { format: 'iife', globalName: 'TerrariumInspector', define, charset })
writeFileSync(at('dist/inspector.global.js'), `${LICENCES}\n${global}\n`)
