import { spawnSync } from 'node:child_process'
import { test } from '@jest/globals'

/**
 * `test`, or where this machine cannot run it a test that is counted and printed as skipped, with the reason in its name.
 * `reason`: why it cannot run here; undefined when it can.
 */
export function testUnless(reason: string | undefined): (name: string, body: () => void | Promise<void>) => void {
  return reason === undefined
    ? test
    : (name, body) => {
        test.skip(`${name} (${reason})`, body)
      }
}

/** Whether a command ends with status 0. */
const works = (command: string, ...args: string[]): boolean => spawnSync(command, args).status === 0

/** Why there can be no PID namespace of our own; undefined when there can be one. */
export const withoutPidNamespaces = (): string | undefined =>
  works('unshare', '-pf', '--mount-proc', 'true') ? undefined : 'PID namespaces of our own are not permitted here'

/** Why there can be no user namespace of our own; undefined when there can be one. */
export const withoutUserNamespaces = (): string | undefined =>
  works('unshare', '-U', '--map-user=54321', 'true') ? undefined : 'user namespaces of our own are not permitted here'
