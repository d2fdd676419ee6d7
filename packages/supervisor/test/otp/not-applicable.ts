/** The cases that cannot apply in JavaScript, and why. The README lists them too. */
export const NOT_APPLICABLE: Readonly<Record<string, string>> = {
  M17: 'hibernate gives memory back; a JavaScript heap is not divided among actors, and nothing else of it can be observed',
}
