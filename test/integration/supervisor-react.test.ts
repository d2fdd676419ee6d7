import { afterAll, expect, test } from '@jest/globals'
import { supervisor, type SupervisorOptions, type SupervisorSnapshot } from '@terrarium/supervisor'
import { useActorRef, useSelector } from '@xstate/react'
import { Window } from 'happy-dom'
import { act, createElement, StrictMode, type ReactElement } from 'react'
import { createMachine, fromCallback, type ActorRefFrom, type AnyActorRef } from 'xstate'

const window = new Window()
const { document, navigator } = window
for (const [name, value] of Object.entries({ window, document, navigator, IS_REACT_ACT_ENVIRONMENT: true })) {
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true })
}
// React looks for a document when it is loaded.
const { createRoot } = await import('react-dom/client')

afterAll(() => window.happyDOM.close())

interface Mounted {
  readonly text: () => string | null
  readonly unmount: () => Promise<void>
}

/** Mounts a component in StrictMode, which starts, stops and starts again what its effects start. */
async function mount(element: ReactElement): Promise<Mounted> {
  const container = document.createElement('div')
  const root = createRoot(container)
  await later(() => {
    root.render(createElement(StrictMode, null, element))
  })
  return {
    text: () => container.textContent,
    unmount: () =>
      later(() => {
        root.unmount()
      }),
  }
}

/** Runs an action, and waits until the document is updated. */
const later = (change: () => void): Promise<void> =>
  act(() => {
    change()
    return new Promise<void>((resolve) => setTimeout(resolve))
  })

/** A child that counts living actors. */
function counted() {
  const seen = { starts: 0, alive: 0 }
  const logic = fromCallback(({ receive }) => {
    seen.starts += 1
    seen.alive += 1
    receive(({ type }) => {
      if (type === 'fail') throw new Error('told to fail')
    })
    return () => {
      seen.alive -= 1
    }
  })
  return { seen, logic }
}

const statesOf = ({ supervised }: SupervisorSnapshot): string =>
  supervised.map(({ id, state }) => `${id} ${state}`).join(', ')

test('D13: a supervisor of useActorRef runs its children in StrictMode, and stops them when it is unmounted', async () => {
  const { seen, logic } = counted()
  const options: SupervisorOptions = {
    id: 'app',
    backoff: 'off',
    children: [
      { id: 'a', logic },
      { id: 'sub', logic: supervisor({ id: 'sub', children: [{ id: 'x', logic, systemId: 'x' }] }), systemId: 'sub' },
    ],
  }
  const app = supervisor(options)
  let ref: ActorRefFrom<typeof app> | undefined
  const App = (): ReactElement => {
    ref = useActorRef(app)
    return createElement('p', null, useSelector(ref, statesOf))
  }
  const page = await mount(createElement(App))
  expect(page.text()).toBe('a running, sub running')
  expect(ref?.getSnapshot()).toMatchObject({ status: 'active', phase: 'running' })
  // Started twice, as in StrictMode; the first actors have ended.
  expect(seen).toEqual({ starts: 4, alive: 2 })

  // The supervisor restarts failed children, and knows names, as any supervisor.
  await later(() => {
    ref?.getSnapshot().child('a')?.ref?.send({ type: 'fail' })
  })
  expect([page.text(), seen]).toEqual(['a running, sub running', { starts: 5, alive: 2 }])
  expect(ref?.system.get('x' as never)).toBeDefined()

  await page.unmount()
  expect(seen).toEqual({ starts: 5, alive: 0 })
})

test('D13: a supervisor that a machine of useActorRef invokes does so, too', async () => {
  const { seen, logic } = counted()
  const machine = createMachine({
    invoke: { id: 'app', src: supervisor({ id: 'app', children: [{ id: 'a', logic }] }) },
  })
  let ref: ActorRefFrom<typeof machine> | undefined
  const App = (): ReactElement => {
    ref = useActorRef(machine)
    const app = useSelector(ref, ({ children }) => children.app as AnyActorRef)
    return createElement(
      'p',
      null,
      useSelector(app, (snapshot) => statesOf(snapshot as SupervisorSnapshot)),
    )
  }
  const page = await mount(createElement(App))
  expect(page.text()).toBe('a running')
  expect(seen).toEqual({ starts: 2, alive: 1 })
  await page.unmount()
  expect(seen).toEqual({ starts: 2, alive: 0 })
})
