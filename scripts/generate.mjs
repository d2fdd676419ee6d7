// npm run generate: makes the stubs of proto/ anew, TypeScript for packages/worker and Python for python/.
// With --check nothing is written, and the exit code is 1 when the committed stubs differ.
import './node-version.mjs'

import('./setup/entry.mjs').then(function (entry) {
  return entry.run(function () {
    return import('./generate/stubs.mjs').then(function (stubs) {
      return stubs.generate({ check: process.argv.includes('--check') })
    })
  })
})
