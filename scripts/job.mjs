// node scripts/job.mjs NAME [ARGUMENT …]: sets up what a job needs, and runs it. Each job is a command of package.json.
import './node-version.mjs'

/** The name of each job, what it does, its module, and what has to be set up before the module can be loaded. */
var JOBS = {
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
  'demo:react': [
    'serves a React page with a supervision tree behind it',
    'examples/react-supervision/serve.mjs',
    'build',
  ],
  bench: ['runs one benchmark suite', 'test/dist/bench/main.js', 'run'],
  chaos: ['kills hosts, workers and shepherds at random, and counts what is left', 'test/dist/chaos/main.js', 'run'],
  compat: ['runs the tests on the oldest and newest XState and on each Node', 'scripts/compat.mjs', 'run'],
  differential: ['compares random scenarios on Erlang/OTP and here', 'test/dist/differential/main.js', 'run'],
  generate: [
    'writes the stubs of proto/ and docs/values.md; --check compares',
    'scripts/generate/main.mjs',
    'dependencies',
  ],
  mutate: ['breaks one rule at a time, and says which tests notice', 'test/dist/mutate/main.js', 'check'],
  pack: ['writes tarballs and the wheel to a folder, by default .setup/pack', 'scripts/pack.mjs', 'run'],
}

import('./setup/entry.mjs').then(function (entry) {
  return entry.runJob(JOBS, process.argv[2], process.argv.slice(3))
})
