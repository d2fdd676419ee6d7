// Removes what set-up.mjs has made.
import { rmSync } from 'node:fs'
import { VARIABLE } from './set-up.mjs'

export default function tearDown() {
  rmSync(process.env[VARIABLE], { recursive: true, force: true })
}
