import { invalid, isList, isOptions, type Names } from './checker.ts'
import { messageOf } from './errors.ts'

/** Makes a copy of a value in options that is data; `at` is the path to it. What is to be refused stays as it is. */
type Copy = (value: unknown, at: string) => unknown

/**
 * The options as they are now, each read once: whatever the user's object does later changes nothing. Throws
 * INVALID_ARGUMENT with the name of an option that cannot be read.
 */
export function ownOptions<T>(options: T, copy: Copy, at = ''): T {
  return copy(options, at) as T
}

/** Copies an object, with the options of these names that it has inherited; without names, its own fields. */
export function fieldsOf(names?: Names, copies: Readonly<Record<string, Copy>> = {}): Copy {
  return (value, at) => {
    if (!isOptions(value, names)) return value
    const keys = readable(at, () => {
      const inherited = Object.keys(names ?? {}).filter((name) => name in value)
      return [...new Set([...Object.keys(value), ...inherited])]
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

/** Copies an array. */
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
