// The Vite plugin: the dev server has the page of the inspector at /__inspector/, and prints where.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { CHANNEL, fragmentOf, VITE_PATH } from '../shared/places.ts'
import { pageFile } from './page-file.ts'

/** What is used of a dev server of Vite. */
interface ViteServer {
  readonly middlewares: {
    use(path: string, handle: (request: IncomingMessage, response: ServerResponse) => void): unknown
  }
  readonly resolvedUrls: { readonly local: readonly string[] } | null
  readonly config: { readonly logger: { info(line: string): void } }
  printUrls(): void
}

/** A plugin of Vite. */
export interface InspectorPlugin {
  readonly name: string
  readonly apply: 'serve'
  configureServer(server: ViteServer): void
}

/** Serves the page beside an application that has `createInspector()` of `@terrarium/inspector/web`. */
export function inspector(): InspectorPlugin {
  return {
    name: 'terrarium-inspector',
    apply: 'serve',
    configureServer(server) {
      server.middlewares.use(VITE_PATH, (_, response) => {
        const { html, openPolicy } = pageFile()
        response.setHeader('Content-Type', 'text/html; charset=utf-8')
        response.setHeader('Content-Security-Policy', openPolicy)
        response.setHeader('X-Content-Type-Options', 'nosniff')
        response.setHeader('Referrer-Policy', 'no-referrer')
        response.end(html)
      })
      const printUrls = server.printUrls.bind(server)
      server.printUrls = () => {
        printUrls()
        const [local] = server.resolvedUrls?.local ?? []
        if (local !== undefined)
          server.config.logger.info(`  Inspector: ${new URL(VITE_PATH, local).href}${fragmentOf(CHANNEL)}`)
      }
    },
  }
}
