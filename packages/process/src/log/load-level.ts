// LevelDB, loaded when the first log is opened. It is a native addon, which no bundler can put into a file; loading it
// late lets a bundle be imported without it (Next imports every route while it builds).
import type { Level } from 'level'
import { TerrariumError } from '@terrarium/supervisor/base'

/**
 * Loads LevelDB. Errors: CONFIGURATION when it does not load.
 *
 * Call `open()` in the statement after `new Level()`: a database opens itself in the next turn of the event loop, and a
 * second `open()` hides why the first failed.
 */
export async function loadLevel(): Promise<{ readonly Level: typeof Level }> {
  try {
    return await import('level')
  } catch (error) {
    // Bundles of webpack and Turbopack: the comments keep them from replacing this import, which finds node_modules.
    return import(/* webpackIgnore: true */ /* turbopackIgnore: true */ 'level').catch(() => {
      throw new TerrariumError('CONFIGURATION', `the database of @terrarium/process does not load: ${String(error)}`, {
        hint:
          'Install @terrarium/process again, for this system and this Node. With a bundler, let it leave the ' +
          "packages of Terrarium external (Next: serverExternalPackages: ['@terrarium/pool'] in next.config; esbuild: " +
          '--external:@terrarium/*).',
        cause: error,
      })
    })
  }
}
