// npm test [-- SUITE … [-- JEST OPTIONS]]: sets up, runs every suite, ends with one line `N passed, N failed`, and
// `, N skipped` if there are any.
import './node-version.mjs'

import('./setup/entry.mjs').then(function (entry) {
  return entry.run(function () {
    return import('./test/run.mjs').then(function (test) {
      return test.runSuites(process.argv.slice(2))
    })
  })
})
