// Process ids that are used again.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { until } from './world.ts'

const LAST_PID = '/proc/sys/kernel/ns_last_pid'

/** Whether the number of the next process can be chosen here. */
export function canChooseNumbers(): boolean {
  return spawnSync('sh', ['-c', `echo 20000 > ${LAST_PID}`]).status === 0
}

/** Starts an innocent with the process id of an exited and reaped process. */
export async function takeNumber(pid: number): Promise<ChildProcess> {
  await until('it is reaped', () => !existsSync(`/proc/${pid}`))
  for (let attempt = 0; attempt < 200; attempt++) {
    writeFileSync(LAST_PID, String(pid - 1))
    const innocent = spawn('sleep', ['3601'], { stdio: 'ignore', env: { PATH: process.env.PATH } })
    if (innocent.pid === pid) return innocent
    innocent.kill('SIGKILL')
    await once(innocent, 'exit')
  }
  throw new Error(`the number ${pid} was never given out`)
}

export async function end(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit')
  if (child.kill('SIGKILL')) await gone
}
