import { openRuntime } from '@terrarium/process'

// A host that is killed: so many runs with so many processes each. It says which runs those are, once all processes
// run.
const [stateDir = '', python = '', runs = '1', processes = '1'] = process.argv.slice(2)
process.stdin.on('end', () => process.exit(1)).resume()

const opened = await Promise.all(Array.from({ length: Number(runs) }, () => openRuntime({ python, stateDir })))
for (const runtime of opened) {
  const spawns = Array.from({ length: Number(processes) }, (_, index) =>
    runtime.spawn({ name: `bench/${index}`, command: 'sleep', args: ['3600'] }),
  )
  // What the log is to know of each has been written when it is active.
  await Promise.all((await Promise.all(spawns)).map((spawned) => spawned.activate()))
}
process.stdout.write(`${JSON.stringify(opened.map(({ runId }) => runId))}\n`)
