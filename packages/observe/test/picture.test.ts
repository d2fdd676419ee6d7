// Pictures: what is told between two of them, the verdict, and what a diagnosis shows of an error.
import { expect, test } from '@jest/globals'
import { TerrariumError } from '@terrarium/supervisor/base'
import fc from 'fast-check'
import { difference, EMPTY, takePicture, type Picture } from '../src/picture.ts'
import type { ActorView } from '../src/messages.ts'
import { diagnosisOf } from '../src/sources/diagnosis.ts'
import type { Source } from '../src/sources/source.ts'

const view = (id: string, more: Partial<ActorView> = {}): ActorView => ({
  id,
  name: id,
  kind: 'worker',
  value: 'ready',
  status: 'active',
  since: 0,
  born: 0,
  events: 0,
  ...more,
})

const pictureOf = (views: readonly ActorView[]): Picture =>
  takePicture([{ addViews: (into: ActorView[]) => into.push(...views) } as unknown as Source])

const verdictsOf = (views: readonly ActorView[]) => pictureOf(views).verdict

/** What a reader does with a difference. */
function applied(before: Picture, { set = [], add = [], del = [] }: ReturnType<typeof difference> & object): unknown {
  const actors = new Map<string, Record<string, unknown>>([...before.actors].map(([id, each]) => [id, { ...each }]))
  for (const id of del) actors.delete(id)
  for (const each of add) actors.set(each.id, { ...each })
  for (const [id, fields] of set) {
    for (const [name, value] of Object.entries(fields)) {
      if (value === null) Reflect.deleteProperty(actors.get(id) ?? {}, name)
      else Object.assign(actors.get(id) ?? {}, { [name]: value })
    }
  }
  return Object.fromEntries(actors)
}

const views = fc
  .uniqueArray(
    fc.record(
      {
        id: fc.constantFrom('a', 'b', 'c', 'd'),
        value: fc.constantFrom('ready', 'down'),
        pid: fc.nat(3),
        restarts: fc.record({ crashes: fc.nat(2), wanted: fc.nat(2) }),
      },
      { requiredKeys: ['id', 'value'] },
    ),
    { selector: ({ id }) => id },
  )
  .map((list) => list.map(({ id, ...more }) => view(id, more)))

test('a reader that applies the differences has the picture, whatever happened', () => {
  fc.assert(
    fc.property(fc.array(views, { minLength: 1, maxLength: 6 }), (pictures) => {
      let before: Picture = EMPTY
      for (const each of pictures) {
        const after = pictureOf(each)
        const told = difference(before, after)
        expect(applied(before, told ?? {})).toEqual(Object.fromEntries(after.actors))
        before = after
      }
    }),
  )
})

test('nothing is told when nothing has changed', () => {
  const views = [view('a', { restarts: { crashes: 1, wanted: 0 } })]
  expect(difference(pictureOf(views), pictureOf(structuredClone(views)))).toBeUndefined()
})

const cv2 = diagnosisOf(
  new TerrariumError('CONFIGURATION', 'worker ocr/worker-1 cannot start: No module named cv2', {
    hint: 'Install what is missing: pip install opencv-python',
    details: { module: 'cv2', interpreter: '/usr/bin/python3', command: 'pip install opencv-python', arguments: 'key' },
  }),
)

test('a diagnosis has the module, the interpreter and the command, and nothing of a call', () => {
  expect(cv2).toEqual({
    code: 'CONFIGURATION',
    title: 'worker ocr/worker-1 cannot start: No module named cv2',
    text: 'Install what is missing: pip install opencv-python',
    facts: [
      ['module', 'cv2'],
      ['interpreter', '/usr/bin/python3'],
    ],
    command: 'pip install opencv-python',
  })
})

test('a diagnosis says who has sent the signal, and where Python was', () => {
  const details = { signal: 'SIGSEGV', sender: 'the kernel', frame: 'resize, line 12 of /srv/tools.py' }
  expect(diagnosisOf(new TerrariumError('WORKER_CRASHED', 'it died', { details })).facts).toEqual([
    ['signal', 'SIGSEGV'],
    ['sent by', 'the kernel'],
    ['Python was in', 'resize, line 12 of /srv/tools.py'],
  ])
})

test('what is parked for the same reason is one sentence, before what only waits', () => {
  const parked = { value: 'parked', parent: 'ocr', diagnosis: cv2 }
  const waiting = { value: 'backing_off', parent: 'web', error: 'died' }
  expect(verdictsOf([view('web/1', waiting), view('ocr/1', parked), view('ocr/2', parked)])).toEqual([
    {
      level: 'bad',
      text: '2 actors of ocr are parked: worker ocr/worker-1 cannot start: No module named cv2',
      actor: 'ocr/1',
      command: 'pip install opencv-python',
    },
    { level: 'warn', text: 'web/1 is down until the next start', actor: 'web/1' },
  ])
})

test.each([
  [2, 'good', 'All workers are ready: 2 of 2.'],
  [1, 'warn', '1 of 2 workers are ready.'],
])('with %i of 2 workers the verdict is %s', (ready, level, text) => {
  expect(verdictsOf([view('ocr', { kind: 'pool', size: 2, ready })])).toEqual([{ level, text }])
})

test('more than 5,000 actors are counted', () => {
  const { actors, left } = pictureOf(Array.from({ length: 5_003 }, (_, index) => view(`a${index}`)))
  expect([actors.size, left]).toEqual([5_000, 3])
})
