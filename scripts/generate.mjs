// npm run generate: makes the stubs of proto/ anew, TypeScript for packages/worker and Python for python/, and the
// tables of docs/values.md. With --check nothing is written, and the exit code is 1 when something committed differs.
import './node-version.mjs'

import('./setup/entry.mjs').then(function (entry) {
  return entry.run(function () {
    return import('./generate/stubs.mjs')
      .then(function (stubs) {
        return stubs.generate({ check: process.argv.includes('--check') })
      })
      .then(function (code) {
        return import('./generate/values.mjs').then(function (values) {
          return values.generateValues({ check: process.argv.includes('--check') }).then(function (other) {
            return code || other
          })
        })
      })
  })
})
