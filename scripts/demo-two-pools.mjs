// npm run demo:two-pools: sets up, then runs two pools and an HTTP server under one supervisor.
import './node-version.mjs'

import('./setup/entry.mjs').then(function (entry) {
  return entry.runJob('examples/two-pools-one-server/dist/main.js')
})
