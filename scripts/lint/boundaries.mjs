// Which part of the workspace may import which, as configurations of eslint-plugin-boundaries. Packages and the
// folders of the supervisor are listed from the ground up: an import, of a value or of a type, only points down. A
// package is entered by the doors that its package.json exports, also by tests and examples.
import boundaries from 'eslint-plugin-boundaries'
import { join } from 'node:path'
import { readJson, root } from '../setup/paths.mjs'

/** Packages, from the ground up. */
const FLOORS = ['supervisor', 'process', 'worker', 'pool', 'observe', 'cli']
/** Packages beside the floors, with the floors that each stands on. */
const BESIDE = { threads: ['supervisor'], inspector: [] }
/** Floors that stand on the inspector. */
const ON_INSPECTOR = ['observe', 'cli']
const PACKAGES = [...FLOORS, ...Object.keys(BESIDE)]
/**
 * What each part of a package beside the floors may import of its other parts. Only the part for Node may import
 * modules of Node.
 */
const PARTS = { shared: [], node: ['shared'], web: ['shared'] }
/** Folders of the supervisor, from the ground up; `.` is what lies in none of them. */
const ROOMS = ['base', 'policy', 'spec', 'core', 'replay', 'actor', 'otp', '.', 'testing']

/** The page of the inspector, which is bundled: it imports only types of the package. */
const PAGE = 'inspector page'

const SCOPE = '@terrarium/'
const room = (name) => (name === '.' ? 'supervisor' : `supervisor:${name}`)
const part = (owner, name) => `${owner}:${name}`
const partsOf = (owner) => Object.keys(PARTS).map((name) => part(owner, name))
const below = (list, item) => list.slice(0, list.indexOf(item))
const belowPackage = (name) =>
  BESIDE[name] ?? [...below(FLOORS, name), ...(ON_INSPECTOR.includes(name) ? ['inspector'] : [])]
const type = (name) => ({ element: { type: name } })

/** The most specific first. Tests and programs of a package have a type of their own. */
const elements = [
  ...below(ROOMS, '.')
    .concat('testing')
    .map((name) => [room(name), `packages/supervisor/src/${name}`]),
  ...Object.keys(BESIDE).flatMap((owner) =>
    Object.keys(PARTS).map((name) => [part(owner, name), `packages/${owner}/src/${name}`]),
  ),
  [PAGE, 'packages/inspector/page'],
  ...PACKAGES.map((name) => [name, `packages/${name}/src`]),
  ...PACKAGES.map((name) => [`${name} tests`, `packages/${name}`]),
  ['examples', 'examples/*'],
  ['tests', 'test'],
  ['scripts', 'scripts'],
].map(([name, pattern]) => ({ type: name, pattern, partialMatch: false }))

/** The modules by which a package is entered: its name, and what follows it in another of its exports. */
function doorsOf(name) {
  const { exports } = readJson(join(root, 'packages', name, 'package.json'))
  const paths = Object.keys(exports).map((door) => door.slice(2))
  return { module: { source: `${SCOPE}${name}`, internalPath: paths.map((path) => (path === '' ? null : path)) } }
}

const ROOMS_OF = {
  supervisor: ROOMS.map(room),
  ...Object.fromEntries(Object.keys(BESIDE).map((owner) => [owner, [owner, ...partsOf(owner)]])),
}
const sourcesOf = (name) => ROOMS_OF[name] ?? [name]

const policies = [
  {
    from: { element: { type: '*' } },
    allow: { to: { module: { origin: ['core', 'external'], source: `!${SCOPE}*` } } },
  },
  {
    from: type(ROOMS.map(room)),
    disallow: { to: { module: { origin: 'core' } } },
    message: 'The supervisor runs in browsers too, which lack the modules of Node.',
  },
  {
    from: type(room('base')),
    disallow: { to: { module: { source: 'xstate' } } },
    message: 'The base needs no actors.',
  },
  ...ROOMS.slice(1).map((name) => ({ from: type(room(name)), allow: { to: type(below(ROOMS, name).map(room)) } })),
  {
    from: type(Object.keys(BESIDE).flatMap((owner) => [part(owner, 'shared'), part(owner, 'web')])),
    disallow: { to: { module: { origin: 'core' } } },
    message: 'Browsers lack the modules of Node.',
  },
  ...Object.keys(BESIDE).flatMap((owner) => [
    ...Object.entries(PARTS).map(([name, others]) => ({
      from: type(part(owner, name)),
      allow: { to: type(others.map((other) => part(owner, other))) },
    })),
    { from: type(owner), allow: { to: type(partsOf(owner)) } },
  ]),
  { from: type(PAGE), allow: { to: type(part('inspector', 'shared')) } },
  ...PACKAGES.filter((name) => belowPackage(name).length > 0).map((name) => ({
    from: type(sourcesOf(name)),
    allow: { to: belowPackage(name).map(doorsOf) },
  })),
  ...PACKAGES.map((name) => ({
    from: type(`${name} tests`),
    allow: { to: type([...sourcesOf(name), ...(name === 'inspector' ? [PAGE] : []), 'tests', 'scripts']) },
  })),
  {
    from: type([...PACKAGES.map((name) => `${name} tests`), 'examples', 'tests']),
    allow: { to: PACKAGES.map(doorsOf) },
  },
  { from: type('examples'), allow: { to: type('tests') } },
  { from: type('tests'), allow: { to: type('scripts') } },
]

/** Where the files of which parts are: each import is compared with all policies of its place. */
const places = [
  ...PACKAGES.map((name) => ({
    files: [`packages/${name}/**/*.{ts,tsx}`],
    parts: [...sourcesOf(name), `${name} tests`, ...(name === 'inspector' ? [PAGE] : [])],
  })),
  { files: ['examples/**/*.{ts,tsx}'], parts: ['examples'] },
  { files: ['test/**/*.ts'], parts: ['tests'] },
]

const isOf = (parts) => (policy) =>
  [policy.from.element.type].flat().some((name) => name === '*' || parts.includes(name))

export default [
  {
    files: ['packages/**/*.{ts,tsx}', 'examples/**/*.{ts,tsx}', 'test/**/*.ts'],
    plugins: { boundaries },
    settings: {
      'boundaries/root-path': root,
      'boundaries/elements': elements,
      'boundaries/legacy-templates': false,
      'boundaries/dependency-nodes': ['import', 'export', 'dynamic-import', 'require'],
      'boundaries/additional-dependency-nodes': [
        { selector: 'TSImportType > Literal', kind: 'type', name: 'import-type' },
        { selector: 'TSImportType > TSLiteralType > Literal', kind: 'type', name: 'import-type' },
      ],
      'boundaries/flag-as-external': { customSourcePatterns: [`${SCOPE}*`, `${SCOPE}*/**`] },
    },
    rules: { 'boundaries/no-unknown-files': 'error' },
  },
  ...places.map(({ files, parts }) => ({
    files,
    rules: {
      'boundaries/dependencies': [
        'error',
        {
          default: 'disallow',
          checkAllOrigins: true,
          checkUnknownLocals: true,
          policies: policies.filter(isOf(parts)),
        },
      ],
    },
  })),
]
