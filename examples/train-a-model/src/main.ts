// Trains a model in Python, shows each epoch as it comes, stops when it learns no more, and draws a chart.
import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createPool, isTerrariumError, type Pool } from '@terrarium/pool'

const TOOLS = fileURLToPath(new URL('../train.py', import.meta.url))

interface Epoch {
  readonly epoch: number
  readonly loss: number
  readonly accuracy: number
}

/**
 * Trains for at most so many epochs, or until Ctrl-C. Resolves with the exit code.
 *
 * @param argv where the chart goes, by default training.png, and how many epochs there are at most, by default 40
 */
export async function main([path = 'training.png', most = '40']: readonly string[]): Promise<number> {
  // To leave a stream ends it at its next item: an epoch may take this long before its worker is killed instead.
  const pool = createPool({ name: 'models', tools: TOOLS, cancelGrace: 30_000 })
  await pool.start()
  try {
    const epochs = await train(pool, Number(most))
    const png = await pool.call<Uint8Array>('chart', {
      loss: Float64Array.from(epochs, ({ loss }) => loss),
      accuracy: Float64Array.from(epochs, ({ accuracy }) => accuracy),
    })
    writeFileSync(path, png)
    console.log(`${resolve(path)}: ${epochs.length} epochs, ${png.length} bytes`)
  } finally {
    const { processesLeft } = await pool.stop()
    console.log(`stopped; processes left: ${processesLeft}`)
  }
  return 0
}

/** Reads the epochs as they come. To leave the loop ends the training, and so does Ctrl-C. */
async function train(pool: Pool, most: number): Promise<readonly Epoch[]> {
  const controller = new AbortController()
  const cancel = (): void => {
    controller.abort()
  }
  process.once('SIGINT', cancel)
  const epochs: Epoch[] = []
  try {
    const { signal } = controller
    for await (const epoch of pool.stream<Epoch>('train', { epochs: most }, { idle: 60_000, signal })) {
      epochs.push(epoch)
      console.log(lineOf(epoch))
      if (isLearnt(epochs)) break
    }
  } catch (error) {
    if (!isTerrariumError(error, 'CANCELLED')) throw error
    console.log('cancelled')
  } finally {
    process.off('SIGINT', cancel)
  }
  return epochs
}

const lineOf = ({ epoch, loss, accuracy }: Epoch): string =>
  `epoch ${String(epoch).padStart(2)}  loss ${loss.toFixed(3)}  accuracy ${(100 * accuracy).toFixed(1)} %`

/** Whether five epochs have brought the loss down by less than a tenth. */
function isLearnt(epochs: readonly Epoch[]): boolean {
  const [last, before] = [epochs.at(-1), epochs.at(-6)]
  return last !== undefined && before !== undefined && last.loss > 0.9 * before.loss
}
