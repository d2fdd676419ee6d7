// Mutations of the codecs of values: what travels apart, and whose memory it is.
import type { Mutation, Tests } from './mutation.ts'

const NODE = 'packages/worker/src/values/'
const PYTHON = 'python/src/terrarium/_values/'

const segments = (name: string): Tests => ({ project: 'worker', path: 'packages/worker/test/segments.test.ts', name })
const apart = (name: string): Tests => ({ pytest: 'test_apart.py', name })
const pool = (name: string): Tests => ({ project: 'pool', path: 'packages/pool/test/apart.test.ts', name })

/** The rule, the file, the text to find, its replacement, and the tests that notice. */
const MUTATIONS: readonly (readonly [string, string, string, string, Tests])[] = [
  [
    'no part of a key becomes a segment',
    `${NODE}encoder.ts`,
    '    this.#segments = undefined\n    const identity',
    '    const identity',
    segments('keys and elements'),
  ],
  [
    'memory that its owner can make smaller is copied',
    `${NODE}views.ts`,
    '? Buffer.from(view) : view',
    '? view : view',
    segments('make smaller'),
  ],
  [
    'a segment is referred to once',
    `${NODE}decoder.ts`,
    '    this.#segments[index] = undefined\n',
    '',
    segments('used twice'),
  ],
  [
    'a segment is referred to at all',
    `${NODE}decoder.ts`,
    'if (unused >= 0) throw',
    'if (unused > 99) throw',
    segments('never used'),
  ],
  [
    'a value shows nothing of the memory around it',
    `${NODE}views.ts`,
    'bytes.byteOffset === 0 && bytes.buffer.byteLength === bytes.length',
    'bytes.length > 0',
    segments('part of larger memory'),
  ],
  [
    'segments count among the bytes of a value, with the place of what is too much',
    `${NODE}encoder.ts`,
    '    if (this.#apartBytes + this.#out.length > MAX_VALUE_BYTES) throw tooLarge()\n',
    '',
    segments('longest value'),
  ],
  [
    'the msgpack behind the last segment counts too',
    `${NODE}encoder.ts`,
    '      if (sizeOf(encoded) > MAX_VALUE_BYTES) throw tooLarge()\n',
    '',
    segments('longest value'),
  ],
  [
    'an argument whose memory is gone is not sent',
    'packages/worker/src/session.ts',
    '    if (!isWhole(args)) throw lost(tool)\n',
    '',
    pool('transferred'),
  ],
  [
    'a result is what it was when the tool returned',
    'python/src/terrarium/_replies.py',
    '            self._flush(True)\n',
    '            pass\n',
    pool('when the tool returned'),
  ],
  [
    'a segment is referred to once in Python',
    `${PYTHON}_decode.py`,
    '        self._segments[index] = None\n',
    '',
    apart('never_sends'),
  ],
  [
    'a segment is referred to at all in Python',
    `${PYTHON}_decode.py`,
    '        reader.check_used()\n',
    '',
    apart('never_sends'),
  ],
  [
    'no part of a key becomes a segment in Python',
    `${PYTHON}_encode.py`,
    'segments, self._segments = self._segments, None',
    'segments = self._segments',
    apart('keys_and_elements'),
  ],
  [
    'an ndarray is made in the memory of its segment',
    `${PYTHON}_hints.py`,
    'if type(memory) is Memory:',
    'if type(memory) is None:',
    apart('made_in_place'),
  ],
  [
    'an array cannot be written without a type hint',
    `${PYTHON}_arrays.py`,
    'memoryview(memory).toreadonly()',
    'memoryview(memory)',
    apart('cannot_be_written'),
  ],
  [
    'a host sees no msgpack of another form when the package is missing',
    `${PYTHON}_msgpack.py`,
    'if -32 <= value < 128:',
    'if -31 <= value < 128:',
    { pytest: 'test_values.py', name: 'integers_at_the_edges' },
  ],
]

export const VALUES: readonly Mutation[] = MUTATIONS.map(([breaks, file, find, replace, tests]) => ({
  breaks,
  file,
  find,
  replace,
  tests: [tests],
}))
