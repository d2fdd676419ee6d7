// Runs the state machines by which @ledgerhq/device-management-kit opens an application of a hardware wallet, with a
// stand-in of the device. The two lines with Inspector are all that is added for the inspector.
import { createRequire } from 'node:module'
import { createInspector } from '@terrarium/inspector'

const { inspect } = createInspector({ name: 'device' })

// Its modules for `import` are for bundlers.
const require = createRequire(import.meta.url)
const { CommandResultFactory, DeviceSessionStateType, OpenAppDeviceAction } = require('@ledgerhq/device-management-kit')
// It has an XState of its own.
const { createActor } = createRequire(require.resolve('@ledgerhq/device-management-kit'))('xstate')

let [current, state] = ['BOLOS', { sessionStateType: DeviceSessionStateType.Connected, deviceModelId: 'nanoX' }]
const answers = {
  getAppAndVersion: () => ({ name: current, version: '1.6.0' }),
  getOsVersion: () => ({ seVersion: '2.2.3', secureElementFlags: { isOnboarded: true } }),
  openApp: () => void (current = 'Bitcoin'),
  closeApp: () => void (current = 'BOLOS'),
}
const device = {
  getDeviceSessionState: () => state,
  setDeviceSessionState: (next) => (state = next),
  async sendCommand(command) {
    await new Promise((resolve) => setTimeout(resolve, 200))
    return CommandResultFactory({ data: answers[command.name]() })
  },
}

const input = { appName: 'Bitcoin' }
let lives = 0
function open() {
  const machine = new OpenAppDeviceAction({ input }).makeStateMachine(device)
  const actor = createActor(machine, { id: `open-${(lives += 1)}`, input, inspect })
  actor.subscribe({
    complete: () => {
      current = 'BOLOS'
      setTimeout(open, 300)
    },
  })
  actor.start()
}
open()
