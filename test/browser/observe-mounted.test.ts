// The page of an observer in a server of the user's, in a real browser.
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from '@jest/globals'
import { mount, observe } from '@terrarium/observe'
import { habitat } from '../support/terrarium.ts'
import { browserTest, launch } from './pages.ts'

browserTest('a page that is mounted below a path of a server finds its data there', async () => {
  const home = habitat()
  const pool = home.testPool({ name: 'text', size: 2, tools: { one: () => 1 } })
  const observer = await observe(pool, { socket: false, name: 'shop' })
  const server: Server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const mounted = await mount(observer, { origins: [`http://127.0.0.1:${port}`], path: '/ops/glass/' })
  server.on('request', (request, response) => {
    if (!mounted.request(request, response)) response.writeHead(404).end()
  })
  server.on('upgrade', (request, socket, head) => {
    if (!mounted.upgrade(request, socket, head)) socket.destroy()
  })
  const browser = await launch()
  try {
    await pool.start()
    const page = await browser.newPage()
    const wrong: string[] = []
    page.on('console', (message) => wrong.push(message.text()))
    page.on('pageerror', (error) => wrong.push(String(error)))
    await page.goto(mounted.addresses[0] ?? '')
    await page.getByText('worker-2').first().waitFor()
    expect({ wrong, url: page.url() }).toEqual({ wrong: [], url: `http://127.0.0.1:${port}/ops/glass/` })
  } finally {
    await browser.close()
    mounted.close()
    server.close()
    await pool.stop()
    await observer.stop()
  }
})
