// npm run demo:missing-module: sets up, then shows what happens when a worker lacks a module.
import './node-version.mjs'

import('./setup/entry.mjs').then(function (entry) {
  return entry.runJob('examples/missing-module/dist/main.js')
})
