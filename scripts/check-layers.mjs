// node scripts/check-layers.mjs: whether packages keep to their floors. With --self-test: whether the check can fail.
import './node-version.mjs'

import('./setup/entry.mjs').then(function (entry) {
  return entry.run(function () {
    return Promise.all([import('./layers/check.mjs'), import('./layers/self-test.mjs')]).then(function (modules) {
      return process.argv.includes('--self-test') ? modules[1].selfTest() : modules[0].checkCheckout()
    })
  })
})
