// npm run chaos: sets up, then kills hosts, workers and shepherds at random, and counts what is left.
import './node-version.mjs'

import('./setup/entry.mjs').then(function (entry) {
  return entry.runJob('test/dist/chaos/main.js')
})
