// An effect as JSON, so that the effects of two runs can be compared byte for byte.
import { isFields, isList } from '../base/checker.ts'
import type { Effect, Result } from '../core/effect.ts'
import { isRef } from '../core/operation.ts'
import type { Encoder, Json, JsonObject } from './encoder.ts'

export interface EffectJson extends JsonObject {
  readonly type: Effect['type']
}

/** Writes an effect. Of the answer to an operation it writes only what the core itself has made. */
export function effectToJson(effect: Effect, encoder: Encoder): EffectJson {
  if (effect.type === 'reply') return { type: effect.type, result: resultToJson(effect.result, encoder) }
  if (effect.type === 'imagine') return { type: effect.type, id: effect.id }
  return encoder.value(effect) as EffectJson
}

function resultToJson(result: Result, encoder: Encoder): Json {
  if (!result.ok) return { ok: false, code: result.error.code }
  const value = valueToJson(result.value, encoder)
  return value === undefined ? { ok: true } : { ok: true, value }
}

/** Children, counts and actors; a specification holds what the user has given. */
function valueToJson(value: unknown, encoder: Encoder): Json | undefined {
  if (isRef(value)) return encoder.value(value)
  if (isList(value)) return encoder.value(value)
  return isFields(value) && typeof value.specs === 'number' ? encoder.value(value) : undefined
}
