// A sweep by the next host.
import type { SweepResult } from '@terrarium/process'
import { Subject } from './subject.ts'
import type { Context } from './target.ts'

/**
 * Lets the next host sweep the state directory. Fails if the sweep left anything alone, unless that is expected.
 */
export async function sweepWithNextHost(
  { level, python, folder }: Context,
  stateDir: string,
  isExpected: (left: SweepResult['left'][number]) => boolean = () => false,
): Promise<SweepResult> {
  const host = new Subject('sweep-once.js', [stateDir, python], level, folder())
  const report = (await host.hear('swept')) as unknown as SweepResult
  await host.exited
  const strange = report.left.filter((each) => !isExpected(each))
  if (strange.length > 0) throw new Error(`the sweep has left alone: ${JSON.stringify(strange)}`)
  return report
}
