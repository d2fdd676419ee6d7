// Copies the options that a user gives, so that later changes of the user's object have no effect.
import { invalid, isList, isOptions, type Names } from './checker.ts'
import { messageOf } from './errors.ts'

/**
 * Copies a value in options; `at` is the path to it. A value of a wrong type is returned as it is, for the check that
 * follows.
 */
type Copy = (value: unknown, at: string) => unknown

/**
 * Copies options, reading each once, so that later changes of the user's object have no effect. Throws INVALID_ARGUMENT
 * with the name of an option that cannot be read.
 */
export function ownOptions<T>(options: T, copy: Copy, at = ''): T {
  return copy(options, at) as T
}

/** Returns a copier for an object: its own fields and, of these names, inherited ones too. */
export function fieldsOf(names?: Names, copies: Readonly<Record<string, Copy>> = {}): Copy {
  const inheritable = Object.keys(names ?? {})
  return (value, at) => {
    if (!isOptions(value, names)) return value
    const keys = readable(at, () => {
      const own = Object.keys(value)
      return [...own, ...inheritable.filter((name) => name in value && !own.includes(name))]
    })
    return Object.fromEntries(
      keys.map((name) => {
        const path = at === '' ? name : `${at}.${name}`
        const read = readable(path, () => value[name])
        return [name, Object.hasOwn(copies, name) ? copies[name]?.(read, path) : read]
      }),
    )
  }
}

/** Returns a copier for an array. */
export function listOf(copy: Copy = (value) => value): Copy {
  return (value, at) =>
    isList(value) ? readable(at, () => [...value]).map((each, index) => copy(each, `${at}[${index}]`)) : value
}

function readable<T>(at: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    const text = `${at === '' ? 'the object' : at} cannot be read: ${messageOf(cause)}`
    throw invalid('options', [{ fault: 'invalid_option', text, cause }])
  }
}
