// node scripts/job.mjs NAME [ARGUMENT …]: sets up what a job needs, and runs it. Each command of package.json is a job.
// This file keeps to what old Nodes can read, and loads the other scripts after a look at their version.

/** The name of each job, what it does, its module, and what has to be set up before the module can be loaded. */
const JOBS = {
  setup: [
    'brings the checkout up to date: dependencies, build, run (the default), test, everything or protoc',
    'scripts/setup/set-up.mjs',
  ],
  test: ['runs suites of tests, of linters, or what belongs to a path', 'scripts/test/run.mjs'],
  start: ['analyses a tree of Python source on supervised workers', 'examples/analyse/dist/main.js', 'run'],
  'demo:missing-module': ['shows a worker that lacks a module', 'examples/missing-module/dist/main.js', 'run'],
  'demo:embedded-supervisor': [
    'shows an HTTP service that outlives the failures of what it depends on',
    'examples/embedded-supervisor/dist/main.js',
    'build',
  ],
  'demo:custom-strategy': [
    'shows three restart strategies of your own',
    'examples/custom-strategy/dist/main.js',
    'build',
  ],
  'demo:replay': [
    'explains an incident, and replays it with another strategy',
    'examples/replay-an-incident/dist/main.js',
    'build',
  ],
  'demo:keep': ['keeps a server that is not written in Python', 'examples/keep-a-server/dist/main.js', 'run'],
  'demo:two-pools': [
    'runs two pools and an HTTP server under one supervisor',
    'examples/two-pools-one-server/dist/main.js',
    'run',
  ],
  'demo:train': [
    'trains a model in Python, epoch by epoch, and draws a chart',
    'examples/train-a-model/dist/main.js',
    'learning',
  ],
  'demo:arrays': ['sends arrays to numpy and back', 'examples/arrays/dist/main.js', 'learning'],
  'demo:batches': ['makes few queries of many calls', 'examples/batches/dist/main.js', 'run'],
  'demo:session': ['holds a model for each session', 'examples/session-model/dist/main.js', 'run'],
  'demo:host-calls': ['lets Python call functions of Node', 'examples/python-calls-node/dist/main.js', 'run'],
  'demo:fastify': [
    'serves a pool with Fastify: health, back-pressure, an orderly stop',
    'examples/fastify-service/dist/main.js',
    'run',
  ],
  'demo:react': [
    'serves a React page with a supervision tree behind it',
    'examples/react-supervision/serve.mjs',
    'build',
  ],
  bench: ['runs one benchmark suite', 'test/dist/bench/main.js', 'run'],
  chaos: ['kills hosts, workers and shepherds at random, and counts what is left', 'test/dist/chaos/main.js', 'run'],
  compat: ['runs the tests on the oldest and newest XState and on each Node', 'scripts/compat.mjs', 'run'],
  differential: ['compares random scenarios on Erlang/OTP and here', 'test/dist/differential/main.js', 'run'],
  fuzz: ['sends damaged frames to both ends of a session, in both directions', 'test/dist/fuzz/main.js', 'run'],
  generate: ['writes the stubs of proto/ and docs/values.md; --check compares', 'scripts/generate.mjs', 'dependencies'],
  soak: ['calls without a pause while workers are killed, and counts what is left', 'test/dist/soak/main.js', 'run'],
  mutate: ['breaks one rule at a time, and says which tests notice', 'test/dist/mutate/main.js', 'test'],
  picture: ['takes the pictures of the documentation, in Chromium', 'test/browser/picture.mjs', 'run'],
  pack: ['writes tarballs and the wheel to a folder, by default .setup/pack', 'scripts/pack.mjs', 'run'],
}

const OLDEST_NODE = 20

if (Number(process.versions.node.split('.')[0]) < OLDEST_NODE) {
  console.error(
    `Terrarium needs Node.js ${OLDEST_NODE} or newer; this is ${process.version} at ${process.execPath}.\n` +
      'Install a newer Node.js, put it first on PATH, and run the same command again.',
  )
  process.exit(1)
}

/** Sets up and runs a job in this process. Its `main(argv)` returns the exit code. */
async function runJob(name, argv) {
  if (!Object.keys(JOBS).includes(name)) {
    const list = Object.keys(JOBS).map((each) => `  ${each.padEnd(26)}${JOBS[each][0]}\n`)
    process.stdout.write(`Usage: node scripts/job.mjs NAME [ARGUMENT …]\n${list.join('')}`)
    return name === undefined || name === '--help' ? 0 : 2
  }
  const [, path, need] = JOBS[name]
  if (need !== undefined) {
    const { setUp } = await import('./setup/set-up.mjs')
    const { python, learningPython } = await setUp({ need })
    // A job finds its interpreter there.
    if (['run', 'test'].includes(need)) process.env.TERRARIUM_PYTHON = python
    if (need === 'learning') process.env.TERRARIUM_PYTHON = learningPython
  }
  const { main } = await import(`../${path}`)
  return main(argv)
}

runJob(process.argv[2], process.argv.slice(3)).then(
  (code) => {
    if (typeof code === 'number') process.exitCode = code
  },
  async (error) => {
    const { explain } = await import('./setup/failure.mjs')
    process.stderr.write(`${explain(error)}\n`)
    process.exitCode = 1
  },
)
