// A host for the bench row of the sweep.
import { openRuntime } from '@terrarium/process'

// A host that is going to be killed, with so many runs of so many processes each. It prints the run ids once all
// processes run.
const [stateDir = '', python = '', runs = '1', processes = '1'] = process.argv.slice(2)
process.stdin.on('end', () => process.exit(1)).resume()

const opened = await Promise.all(Array.from({ length: Number(runs) }, () => openRuntime({ python, stateDir })))
for (const runtime of opened) {
  const spawns = Array.from({ length: Number(processes) }, (_, index) =>
    runtime.spawn({ name: `bench/${index}`, command: 'sleep', args: ['3600'] }),
  )
  // The log knows all of a process once the process is active.
  await Promise.all((await Promise.all(spawns)).map((spawned) => spawned.activate()))
}
process.stdout.write(`${JSON.stringify(opened.map(({ runId }) => runId))}\n`)
