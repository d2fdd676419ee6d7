// Finds Chromium for the tests in a real browser, or installs it where that is possible.
import { spawnSync } from 'node:child_process'

/** The path of Chromium, or empty where there is none. */
export const VARIABLE = 'TERRARIUM_CHROMIUM'

/** What installs it. */
export const COMMAND = 'apt-get install chromium'

/**
 * Without Chromium the tests are counted as skipped, with the command in their names. On a CI machine that is a
 * failure.
 */
export default function setUp() {
  const found = find() ?? (install() ? find() : undefined)
  if (found === undefined && process.env.CI === 'true')
    throw new Error(`There is no Chromium, which the tests in a browser need. Run: ${COMMAND}`)
  process.env[VARIABLE] = found ?? ''
}

const find = () =>
  ['chromium', 'chromium-browser', 'google-chrome']
    .map((name) => spawnSync('/bin/sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).stdout.trim())
    .find((path) => path !== '')

function install() {
  if (process.getuid?.() !== 0) return false
  const packages = 'apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium'
  return spawnSync('/bin/sh', ['-c', packages], { stdio: 'ignore' }).status === 0
}
