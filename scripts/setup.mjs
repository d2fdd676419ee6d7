// npm run setup [-- NEED]: brings the checkout up to date. NEED is dependencies, build, run (the default), check, test
// or protoc.
import './node-version.mjs'

import('./setup/entry.mjs').then(function (entry) {
  return entry.run(function () {
    return entry.setUp({ need: process.argv[2] || 'run' })
  })
})
