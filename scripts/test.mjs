// npm test [-- SUITE|PATH … [-- JEST OPTIONS]]: sets up, runs suites, ends with `N passed, N failed[, N skipped]`.
// `npm test -- --help` tells more.
import './node-version.mjs'

import('./setup/entry.mjs').then(function (entry) {
  return entry.run(function () {
    return import('./test/run.mjs').then(function (test) {
      return test.main(process.argv.slice(2))
    })
  })
})
