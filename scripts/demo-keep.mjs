// npm run demo:keep: sets up, then shows how a server that is not written in Python is kept.
import './node-version.mjs'

import('./setup/entry.mjs').then(function (entry) {
  return entry.runJob('examples/keep-a-server/dist/main.js')
})
