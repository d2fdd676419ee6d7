// What an error says to the person who has to repair it: code, sentence, facts, and the command if there is one.
import type { Diagnosis } from '@terrarium/inspector/protocol'
import { isTerrariumError, messageOf, type TerrariumError } from '@terrarium/supervisor/base'
import { shortened } from '../events.ts'

/** The details of an error that are shown, in this order. Values of calls are never among them. */
const FACTS = ['module', 'interpreter', 'exitCode', 'signal', 'pid', 'timeout', 'path', 'because'] as const

type Fact = Diagnosis['facts'][number]

/** The first fact of what is parked by hand, and not because of a failure. */
const BY_HAND: readonly Fact[] = [['parked', 'by hand']]

const isByHand = ({ code, details }: TerrariumError): boolean => code === 'PARKED' && details.reason === 'request'

/** Whether an actor with this diagnosis is parked by hand. */
export const saysByHand = (diagnosis: Diagnosis | undefined): boolean => {
  const [name, value] = diagnosis?.facts[0] ?? []
  return name === 'parked' && value === 'by hand'
}

export function diagnosisOf(error: unknown): Diagnosis {
  if (!isTerrariumError(error)) return { code: 'ERROR', title: shortened(messageOf(error)), facts: [] }
  const { code, message, hint, details } = error
  const { command } = details
  return {
    code,
    title: shortened(message),
    facts: (isByHand(error) ? BY_HAND : []).concat(
      FACTS.flatMap((name) => {
        const value = details[name]
        const isShown = typeof value === 'number' || (typeof value === 'string' && value !== '')
        return isShown ? [[name, shortened(String(value))] as const] : []
      }),
    ),
    ...(hint === undefined ? {} : { text: shortened(hint, 1_000) }),
    ...(typeof command === 'string' && command !== '' ? { command } : {}),
  }
}
