import type { Level } from 'level'
import { TerrariumError } from '@terrarium/supervisor/base'

/**
 * Loads LevelDB. A database of it opens itself once its maker has let the event loop go on, and a second attempt hides
 * why the first has failed: call `open()` in the statement after `new`. Errors: CONFIGURATION when LevelDB does not
 * load.
 *
 * LevelDB is a native addon, which no bundler can put into a file. It is loaded with the first log, so that a bundle
 * can be imported without it: Next imports every route while it builds.
 */
export async function loadLevel(): Promise<{ readonly Level: typeof Level }> {
  try {
    return await import('level')
  } catch (error) {
    // In a bundle of webpack or Turbopack: the one in node_modules, which they leave where it is.
    return import(/* webpackIgnore: true */ /* turbopackIgnore: true */ 'level').catch(() => {
      throw new TerrariumError('CONFIGURATION', `the database of @terrarium/process does not load: ${String(error)}`, {
        hint:
          'Install @terrarium/process again, for this system and this Node. Where a bundler is in use, have it leave the ' +
          "packages of Terrarium external (Next: serverExternalPackages: ['@terrarium/pool'] in next.config; esbuild: " +
          '--external:@terrarium/*).',
        cause: error,
      })
    })
  }
}
