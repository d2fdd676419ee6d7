// npm run bench: sets up, then runs one benchmark suite.
import './node-version.mjs'

import('./setup/entry.mjs').then(function (entry) {
  return entry.runJob('test/dist/bench/main.js')
})
