// npm run demo:custom-strategy: builds, then shows how a restart strategy of one's own restarts whoever uses the failed
// child.
import './node-version.mjs'

import('./setup/entry.mjs').then(function (entry) {
  return entry.runJob('examples/custom-strategy/dist/main.js', { need: 'build' })
})
