// An HTTP server that knows nothing of Terrarium: it prints where it listens, and answers with its pid.
import { createServer } from 'node:http'

const server = createServer((_request, response) => response.end(`process ${process.pid}\n`))
server.listen(0, '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${server.address().port}`))
