export declare function wrapProse(
  source: string,
  language: 'typescript' | 'python',
): { text: string; wide: { line: number; isFixed: boolean }[] }
