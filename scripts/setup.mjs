// Set-up of a checkout: `setUp({ progress, need })`, or run as a command: node scripts/setup.mjs [run | test | build …]
import './node-version.mjs'

/** See setup/set-up.mjs. Loaded late, so that an old Node gets as far as its error message. */
export function setUp(options) {
  return import('./setup/set-up.mjs').then(function (module) {
    return module.setUp(options)
  })
}

import('./setup/entry.mjs').then(function (entry) {
  if (entry.isMain(import.meta.url)) {
    entry.run(function () {
      return setUp({ need: process.argv[2] || 'run' })
    })
  }
})
