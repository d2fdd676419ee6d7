// pm2 with a daemon of its own, in a folder of its own, which keeps as many processes as the benchmark asks for.
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'

const VERSION = '7.0.4'
/** How long the daemon may take to end in order, in ms. */
const PATIENCE = 20_000
const LOOK_EVERY = 50

export interface Pm2 {
  /** Runs `pm2 list`. */
  readonly command: readonly string[]
  readonly env: NodeJS.ProcessEnv
  /** Ends the daemon and all that it keeps. */
  close(): Promise<void>
}

/** Installs pm2 into a folder, and has it keep so many processes of `sleep`. */
export async function startPm2(folder: string, count: number, signal: AbortSignal): Promise<Pm2> {
  const run = promisify(execFile)
  const home = join(folder, 'home')
  const env = { ...process.env, PM2_HOME: home, PM2_DISCRETE_MODE: 'true' }
  const pm2 = [process.execPath, join(folder, 'node_modules', 'pm2', 'bin', 'pm2')]
  const list = join(folder, 'apps.json')
  const asked = Array.from({ length: count }, (_, index) => ({
    name: `worker-${index + 1}`,
    script: '/bin/sleep',
    args: '3600',
    interpreter: 'none',
  }))
  await writeFile(join(folder, 'package.json'), '{}')
  await writeFile(list, JSON.stringify({ apps: asked }))
  const install = ['install', '--no-audit', '--no-fund', '--ignore-scripts', `pm2@${VERSION}`]
  await run('npm', install, { cwd: folder, signal })
  const [node = '', ...args] = pm2
  let apps: readonly number[] = []
  const close = async (): Promise<void> => {
    const daemon = Number(await readFile(join(home, 'pm2.pid'), 'utf8').catch(() => '0'))
    if (daemon > 0) await end(daemon, apps)
  }
  try {
    await run(node, [...args, 'start', list], { cwd: folder, env, signal })
    const { stdout } = await run(node, [...args, 'pid'], { cwd: folder, env, signal })
    apps = stdout
      .split('\n')
      .map(Number)
      .filter((pid) => pid > 0)
    return { command: [...pm2, 'list'], env, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** The daemon ends its processes when it is asked to end. What has not ended in time is killed. */
async function end(daemon: number, apps: readonly number[]): Promise<void> {
  const left = (): number[] => [daemon, ...apps].filter(isAlive)
  if (isAlive(daemon)) process.kill(daemon, 'SIGTERM')
  for (const until = Date.now() + PATIENCE; left().length > 0 && Date.now() < until;) await delay(LOOK_EVERY)
  for (const pid of left()) process.kill(pid, 'SIGKILL')
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
