// Serves a folder with Vite, with hot reload, to this machine only. Usage: node serve.mjs FOLDER CACHE. Prints the
// address, and ends with its standard input.
import { createServer } from 'vite'
import { inspector } from '@terrarium/inspector/vite'
import react from '@vitejs/plugin-react'

const [folder, cacheDir] = process.argv.slice(2)
const server = await createServer({
  root: folder,
  cacheDir,
  configFile: false,
  logLevel: 'silent',
  plugins: [react(), inspector()],
  server: { host: '127.0.0.1', port: 0, strictPort: false },
})
await server.listen()
process.stdout.write(`${server.resolvedUrls.local[0]}\n`)
process.stdin.resume().on('end', () => void server.close().then(() => process.exit(0)))
