// npm run demo:react: serves the page on this machine only, with hot reload, until it is interrupted.
import { createServer } from 'vite'

/** @returns {Promise<number>} exit code */
export async function main() {
  const server = await createServer({ root: import.meta.dirname, server: { host: '127.0.0.1' } })
  await server.listen()
  server.printUrls()
  await new Promise((resolve) => process.once('SIGINT', resolve))
  await server.close()
  return 0
}
