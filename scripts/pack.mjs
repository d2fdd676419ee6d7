// npm run pack [-- FOLDER]: builds, then writes the tarballs and the wheel to FOLDER (default: .setup/pack).
import './node-version.mjs'

import('./setup/entry.mjs').then(function (entry) {
  return entry.run(function () {
    return import('./pack/tarballs.mjs').then(function (tarballs) {
      return tarballs.packAll(process.argv[2])
    })
  })
})
