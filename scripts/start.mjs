// npm start: sets up, then analyses a tree of Python source on supervised workers.
import './node-version.mjs'

import('./setup/entry.mjs').then(function (entry) {
  return entry.runJob('examples/analyse/dist/main.js')
})
