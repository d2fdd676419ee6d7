// What Stately's own receiver hears, as a viewer in an iframe has it.
import { createBrowserReceiver } from '@statelyai/inspect'

globalThis.heard = []
createBrowserReceiver().subscribe((message) => globalThis.heard.push(message))
