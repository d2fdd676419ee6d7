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
      for (const name of inheritable) if (name in value && !own.includes(name)) own.push(name)
      return own
    })
    const fields: Record<string, unknown> = {}
    for (const name of keys) {
      let read: unknown
      try {
        read = value[name]
      } catch (cause) {
        throw unreadable(within(at, name), cause)
      }
      const copied = Object.hasOwn(copies, name) ? copies[name]?.(read, within(at, name)) : read
      // An assignment to `__proto__` would set the prototype instead.
      if (name === '__proto__') defineOwn(fields, name, copied)
      else fields[name] = copied
    }
    return fields
  }
}

function defineOwn(fields: object, name: string, value: unknown): void {
  Object.defineProperty(fields, name, { value, configurable: true, enumerable: true, writable: true })
}

const within = (at: string, name: string): string => (at === '' ? name : `${at}.${name}`)

/** Returns a copier for an array. */
export function listOf(copy: Copy = (value) => value): Copy {
  return (value, at) =>
    isList(value) ? readable(at, () => [...value]).map((each, index) => copy(each, `${at}[${index}]`)) : value
}

function readable<T>(at: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw unreadable(at, cause)
  }
}

function unreadable(at: string, cause: unknown): Error {
  const text = `${at === '' ? 'the object' : at} cannot be read: ${messageOf(cause)}`
  return invalid('options', [{ fault: 'invalid_option', text, cause }])
}
