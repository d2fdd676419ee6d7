// The demonstration: breaks the dependency, and prints what the service answers.
import type { ChildInfo } from '@terrarium/supervisor'
import { waitFor } from 'xstate'
import type { App } from './app.ts'
import type { Dependency } from './dependency.ts'

/** Resolves when the connection is in this state, in this incarnation if one is given. */
export async function connectionIs(app: App, state: ChildInfo['state'], incarnation?: number): Promise<void> {
  await waitFor(app.ref, ({ supervised }) =>
    supervised.some(
      (child) =>
        child.id === 'connection' && child.state === state && child.incarnation === (incarnation ?? child.incarnation),
    ),
  )
}

/**
 * Takes the dependency away and gives it back, and prints what the service answers. Resolves to whether all answers
 * were as they should be.
 */
export async function play(url: string, app: App, dependency: Dependency): Promise<boolean> {
  let isTrue = true
  async function ask(method: 'GET' | 'POST', path: string, expected: number): Promise<void> {
    const begin = performance.now()
    const response = await fetch(url + path, { method })
    const body = await response.text()
    const retryAfter = response.headers.get('retry-after')
    const facts = [`${response.status} in ${Math.ceil(performance.now() - begin)} ms`]
    if (retryAfter !== null) facts.push(`Retry-After: ${retryAfter}`)
    if (response.status !== expected) facts.push(`WRONG: it should have been ${expected}`)
    isTrue &&= response.status === expected
    console.log(`  ${method} ${path} → ${facts.join(', ')} ${body}`)
  }

  await connectionIs(app, 'running')
  console.log('The dependency is up.')
  await ask('GET', '/quote', 200)

  dependency.drop()
  await connectionIs(app, 'running', 2)
  console.log('It has hung up. There is a new connection.')
  await ask('GET', '/quote', 200)

  dependency.down()
  await connectionIs(app, 'backing_off')
  console.log('It is down. The connection is tried again, after delays.')
  await ask('GET', '/quote', 503)

  await connectionIs(app, 'parked')
  console.log('It stays down. The connection is parked, everything else lives.')
  await ask('GET', '/quote', 503)
  await ask('GET', '/health', 200)

  await dependency.up()
  await connectionIs(app, 'running')
  console.log('It is back. The supervisor has found out by itself.')
  await ask('GET', '/quote', 200)

  dependency.down()
  await connectionIs(app, 'parked')
  await dependency.up()
  console.log('It was down and is back. A caller who knows unparks it at once.')
  await ask('POST', '/unpark/connection', 202)
  await connectionIs(app, 'running')
  await ask('GET', '/quote', 200)
  return isTrue
}
