import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from '@jest/globals'

const pathOf = (path: string): string => JSON.stringify(fileURLToPath(new URL(path, import.meta.url)))

/** Opens a session over gRPC, with the packages as they are built: jest loads modules in its own way. */
const SCRIPT = `
import { lstatSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PROTOCOL_VERSION, SessionServer } from ${pathOf('../dist/index.js')}
import { frame, Wire } from ${pathOf('../../../test/support/second-client/wire.mjs')}

const directory = mkdtempSync(join(tmpdir(), 'terrarium-test-'))
const server = await SessionServer.listen(directory)
const { token } = server.expect(() => undefined, 'grpc')
lstatSync(server.path)
const wire = new Wire(server.path)
wire.send(frame.hello({ token, version: PROTOCOL_VERSION }))
const answer = await wire.heard('welcome')
wire.close()
server.close()
rmSync(directory, { recursive: true })
console.log(answer?.kind ?? wire.status)
`

test('gRPC is loaded when the first worker dials that speaks it, also behind symbolic links', () => {
  const { NODE_OPTIONS: _, ...env } = process.env
  const args = ['--input-type=module', '-e', SCRIPT]
  const said = execFileSync(process.execPath, args, { encoding: 'utf8', stdio: 'pipe', env })
  expect(said).toBe('welcome\n')
})
