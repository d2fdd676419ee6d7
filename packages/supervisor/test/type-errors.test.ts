// What the compiler says of the likeliest mistakes: its first error stands at the field that is wrong, or names it, and
// has at most three lines, as `tsc --pretty false` prints it.
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import ts from 'typescript'
import { ROOT } from '../../../test/support/command.ts'

const PROGRAM = `
import { childSpec, createSupervisor, supervisor } from '@terrarium/supervisor'
import { fromPromise, fromTransition, setup, type SnapshotFrom } from 'xstate'

const counter = fromTransition((count: number, _event: { type: 'count' }) => count + 1, 0)
const job = fromPromise(({ input }: { input: { size: number } }) => Promise.resolve(input.size))
const door = setup({}).createMachine({ initial: 'open', states: { open: {}, closed: {} } })
const app = createSupervisor({
  id: 'app',
  children: [
    { id: 'job', logic: job, input: { size: 1 } },
    { id: 'counter', logic: counter },
  ],
})
`

const COUNTER = 'TransitionActorLogic<number, { type: "count"; }, NonReducibleUnknown, EventObject>'
const JOB = 'PromiseActorLogic<number, { size: number; }, EventObject>'

const wrongType = (given: string, type: string): string =>
  `error TS2322: Type '${given}' is not assignable to type '${type}'.`
const wrongArgument = (given: string, type: string): string =>
  `error TS2345: Argument of type '${given}' is not assignable to parameter of type '${type}'.`
const misspelt = (name: string, type: string, meant: string): string =>
  `error TS2561: Object literal may only specify known properties, but '${name}' does not exist in type '${type}'.` +
  ` Did you mean to write '${meant}'?`

interface Mistake {
  readonly code: string
  /** The code at which the error stands. */
  readonly at: string
  readonly error: readonly string[]
}

const MISTAKES: Readonly<Record<string, Mistake>> = {
  'an input of a wrong type': {
    code: "createSupervisor({ id: 'a', children: [{ id: 'job', logic: job, input: { size: '1' } }] })",
    at: 'size',
    error: [wrongType('string', 'number')],
  },
  'a misspelt field of an input': {
    code: "supervisor({ id: 'a', children: [{ id: 'job', logic: job, input: { sise: 1 } }] })",
    at: 'sise',
    error: [
      'error TS2353: Object literal may only specify known properties, ' +
        "and 'sise' does not exist in type '{ size: number; }'.",
    ],
  },
  'a missing input': {
    code: "createSupervisor({ id: 'a', children: [{ id: 'counter', logic: counter }, { id: 'job', logic: job }] })",
    at: "{ id: 'job', logic: job }",
    error: [
      wrongType(`{ id: string; logic: ${JOB}; }`, `ChildSpec<${JOB}>`),
      `  Property 'input' is missing in type '{ id: string; logic: ${JOB}; }' ` +
        "but required in type '{ readonly input: { size: number; }; }'.",
    ],
  },
  'an id of no child, of child()': {
    code: "app.child('jib')",
    at: "'jib'",
    error: [wrongArgument('"jib"', '"job" | "counter"')],
  },
  'an id of no child, of call()': {
    code: "void app.call('jib', { type: 'count' })",
    at: "'jib'",
    error: [wrongArgument('"jib"', '"job" | "counter"')],
  },
  'an id of no child, of an operation': {
    code: "void app.restartChild('jib')",
    at: "'jib'",
    error: [wrongArgument('"jib"', 'AnyActorRef | "job" | "counter"')],
  },
  'an unknown option of the supervisor': {
    code: "createSupervisor({ id: 'a', intensty: 1 })",
    at: 'intensty',
    error: [
      misspelt(
        'intensty',
        'CheckedOptions<readonly TemplateSpec<AnyActorLogic>[], readonly unknown[], undefined, string>',
        'intensity',
      ),
    ],
  },
  'an unknown option of a child': {
    code: "createSupervisor({ id: 'a', children: [{ id: 'counter', logic: counter, restrat: 'temporary' }] })",
    at: 'restrat',
    error: [misspelt('restrat', `TemplateSpec<${COUNTER}>`, 'restart')],
  },
  'a wrong restart type': {
    code: "createSupervisor({ id: 'a', children: [{ id: 'counter', logic: counter, restart: 'always' }] })",
    at: 'restart',
    error: [wrongType('"always"', 'RestartType | undefined')],
  },
  'a second template': {
    code: `createSupervisor({
      id: 'a',
      strategy: 'simple_one_for_one',
      children: [{ id: 'x', logic: counter }, { id: 'y', logic: counter }],
    })`,
    at: "{ id: 'y', logic: counter }",
    error: [
      wrongType(`{ id: string; logic: ${COUNTER}; }`, '"strategy simple_one_for_one has one template in children"'),
    ],
  },
  'children of strategy dynamic': {
    code: "createSupervisor({ id: 'a', strategy: 'dynamic', children: [{ id: 'x', logic: counter }] })",
    at: "{ id: 'x', logic: counter }",
    error: [
      wrongType(
        `{ id: string; logic: ${COUNTER}; }`,
        '"strategy dynamic has no children in its options: start them with startChild()"',
      ),
    ],
  },
  'ready() on a state that the machine does not have': {
    code: `createSupervisor({
      id: 'a',
      children: [{ id: 'door', logic: door, ready: (snapshot) => snapshot.matches('opn') }],
    })`,
    at: "'opn'",
    error: [wrongArgument('"opn"', '"open" | "closed"')],
  },
  'ready() on the snapshot of another logic': {
    code: `const isOpen = (snapshot: SnapshotFrom<typeof door>) => snapshot.matches('open')
      createSupervisor({ id: 'a', children: [{ id: 'counter', logic: counter, ready: isOpen }] })`,
    at: 'ready',
    error: [
      wrongType('(snapshot: SnapshotFrom<typeof door>) => boolean', '"ready() takes the snapshot of another logic"'),
    ],
  },
  'an event that the child does not know': {
    code: "app.child('counter')?.send({ type: 'add' })",
    at: 'type',
    error: [wrongType('"add"', '"count"')],
  },
  'a misspelt strategy': {
    code: "createSupervisor({ id: 'a', strategy: 'one_for_al', children: [{ id: 'counter', logic: counter }] })",
    at: 'strategy',
    error: [
      `error TS2820: Type '"one_for_al"' is not assignable to type ` +
        `'Strategy | StrategyFor<readonly [{ readonly id: "counter"; readonly logic: ${COUNTER}; }], string>'. ` +
        `Did you mean '"one_for_all"'?`,
    ],
  },
  'an id of no child, in the answer of a strategy': {
    code: "createSupervisor({ id: 'a', children: [{ id: 'counter', logic: counter }], strategy: { name: 'x', plan: () => ({ restart: ['count'] }) } })",
    at: "'count'",
    error: [wrongType('"count"', '"counter"')],
  },
  'an id that stands twice': {
    code: "createSupervisor({ id: 'a', children: [{ id: 'x', logic: counter }, { id: 'x', logic: door }] })",
    at: 'id',
    error: [wrongType('"x"', '"another child has the id x"')],
  },
  'a wrong input of a specification by itself': {
    code: "childSpec({ id: 'more', logic: job, input: { size: '1' } })",
    at: 'size',
    error: [wrongType('string', 'number')],
  },
}

/** As a user's project: strict, with the defaults of TypeScript for the rest. */
const OPTIONS: ts.CompilerOptions = {
  strict: true,
  noEmit: true,
  module: ts.ModuleKind.NodeNext,
  target: ts.ScriptTarget.ES2023,
  types: [],
  skipLibCheck: true,
  allowImportingTsExtensions: true,
  paths: { '@terrarium/supervisor': [join(ROOT, 'packages/supervisor/src/index.ts')] },
}

const pathOf = (index: number): string => join(ROOT, 'packages/supervisor/test', `mistake-${index}.ts`)
const codes = new Map(Object.values(MISTAKES).map(({ code }, index) => [pathOf(index), `${PROGRAM}${code}\n`]))
const right = pathOf(codes.size)
codes.set(right, PROGRAM)

const host = ts.createCompilerHost(OPTIONS)
const parse = host.getSourceFile.bind(host)
host.getSourceFile = (path, target, ...how) => {
  const code = codes.get(path)
  return code === undefined ? parse(path, target, ...how) : ts.createSourceFile(path, code, target)
}
const program = ts.createProgram([...codes.keys()], OPTIONS, host)

const errorsIn = (path: string): readonly ts.Diagnostic[] => {
  const source = program.getSourceFile(path)
  return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)]
}

/** The code at which an error stands, and its lines as `tsc --pretty false` prints them, without the place. */
function shown(error: ts.Diagnostic | undefined): readonly string[] {
  if (error?.file === undefined) return []
  const { start = 0, length = 0, file } = error
  const printed = ts.formatDiagnostic(error, {
    getCurrentDirectory: () => ROOT,
    getCanonicalFileName: (path) => path,
    getNewLine: () => '\n',
  })
  return [
    file.text.slice(start, start + length),
    ...printed
      .trimEnd()
      .replace(/^[^:]*: /, '')
      .split('\n'),
  ]
}

test('the program without a mistake compiles', () => {
  expect(program.getOptionsDiagnostics()).toEqual([])
  expect(errorsIn(right).map(shown)).toEqual([])
})

test.each(Object.entries(MISTAKES))('the first error of %s is the one of the list', (name, { at, error }) => {
  const [first] = errorsIn(pathOf(Object.keys(MISTAKES).indexOf(name)))
  expect(shown(first)).toEqual([at, ...error])
  expect(error.length).toBeLessThanOrEqual(3)
})
