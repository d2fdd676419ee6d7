// Keeps a program and stops it, from the installed packages.
import { keep } from '@terrarium/process'
const web = keep(process.execPath, ['-e', 'console.log("up"); setInterval(() => {}, 1000)'], { ready: /^up$/ })
await web.whenReady()
const first = web.pid
const again = new Promise((resolve) => web.on('child.ready', resolve))
process.kill(first, 'SIGKILL')
await again
console.log(web.status, web.pid !== first)
await web.stop()
console.log(web.status)
