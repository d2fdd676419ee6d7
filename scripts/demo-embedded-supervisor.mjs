// npm run demo:embedded-supervisor: builds, then shows how an HTTP service outlives the failures of what it depends on.
import './node-version.mjs'

import('./setup/entry.mjs').then(function (entry) {
  return entry.runJob('examples/embedded-supervisor/dist/main.js', { need: 'build' })
})
