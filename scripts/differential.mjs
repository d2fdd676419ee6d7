// npm run differential: sets up, then runs random scenarios on Erlang/OTP and on ours, and compares.
import './node-version.mjs'

import('./setup/entry.mjs').then(function (entry) {
  return entry.runJob('test/dist/differential/main.js')
})
