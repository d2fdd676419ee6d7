// A project with the packages installed from their tarballs.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '../support/command.ts'

/** A folder with Terrarium's packages installed from their tarballs, and others from npm. */
export class Project {
  readonly folder = mkdtempSync(join(tmpdir(), 'terrarium-tools-'))

  async must(command: string, args: readonly string[], env: Record<string, string> = {}): Promise<string> {
    const { code, stdout, stderr } = await run(command, args, { cwd: this.folder, env })
    if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${stdout}${stderr}`)
    return stdout
  }

  async install(...packages: string[]): Promise<void> {
    const tarballs = join(this.folder, 'tarballs')
    const { code, stderr } = await run('npm', ['run', '--silent', 'pack', '--', tarballs])
    if (code !== 0) throw new Error(`the packages cannot be packed:\n${stderr}`)
    this.file('package.json', '{ "private": true, "type": "module" }')
    const ours = readdirSync(tarballs)
      .filter((name) => name.endsWith('.tgz'))
      .map((name) => join(tarballs, name))
    await this.must('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', ...ours, ...packages])
  }

  /** Writes a file and returns its path. */
  file(name: string, text: string): string {
    const path = join(this.folder, name)
    mkdirSync(join(path, '..'), { recursive: true })
    writeFileSync(path, text)
    return path
  }

  /** The path of a command of a package. */
  bin(name: string): string {
    return join(this.folder, 'node_modules', '.bin', name)
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}
