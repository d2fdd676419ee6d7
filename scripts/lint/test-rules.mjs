// What tests may not do, because a run would then look greener than it is. eslint.config.mjs applies it to all tests.

const TEST = '/^(test|it|describe)$/'
const chosen = (name) => [
  `MemberExpression[object.name=${TEST}][property.name=${name}]`,
  `MemberExpression[object.name=${TEST}][property.value=${name}]`,
  `MemberExpression[property.name=${name}] > MemberExpression[object.name=${TEST}]`,
]

const ONLY = 'Only this test would run, and the others would look as if they had passed. Remove the focus.'
const SKIP = 'Give the reason: register the test with testUnless() of test/support/when.ts.'
const RETRY = 'A retry hides a failure. Find its cause.'

const selectors = [
  ...[...chosen('/^only$/'), 'CallExpression[callee.name=/^(fit|fdescribe)$/]'].map((selector) => [selector, ONLY]),
  ...[...chosen('/^(skip|todo|failing)$/'), 'CallExpression[callee.name=/^(xit|xtest|xdescribe)$/]'].map((selector) => [
    selector,
    SKIP,
  ]),
  ['MemberExpression[property.name="retryTimes"]', RETRY],
]

/** Options of ESLint's `no-restricted-syntax`. */
export const restrictedInTests = selectors.map(([selector, message]) => ({ selector, message }))

const MOST_DEPTH = 4

/**
 * `toMatchObject` compares the enumerable properties of what is expected. A RegExp, a Promise and `{}` have none, so
 * any value passes.
 */
export const noEmptyExpectation = {
  meta: {
    type: 'problem',
    schema: [],
    messages: {
      empty: 'Every value matches {{what}} in toMatchObject. Use {{instead}}.',
    },
  },
  create(context) {
    const { program, esTreeNodeToTSNodeMap } = context.sourceCode.parserServices
    const checker = program.getTypeChecker()

    const typeOf = (node) => checker.getTypeAtLocation(esTreeNodeToTSNodeMap.get(node))
    const report = (node, what, instead) => context.report({ node, messageId: 'empty', data: { what, instead } })

    /** What is looked into: what is written as an object, here or where a variable was made. */
    function checkType(node, type, depth = 0) {
      for (const each of type.isUnion() ? type.types : [type]) {
        const name = each.getSymbol()?.getName()
        if (name === 'RegExp') report(node, 'a RegExp', 'expect.stringMatching()')
        else if (name === 'Promise') report(node, 'a Promise', 'what it resolves to')
        else if (['__object', '__type'].includes(name) && depth < MOST_DEPTH) {
          for (const property of each.getProperties()) checkType(node, checker.getTypeOfSymbol(property), depth + 1)
        }
      }
    }

    function check(node) {
      if (node.type === 'ObjectExpression') {
        if (node.properties.length === 0) report(node, '{}', 'expect.any(Object), or the properties')
        for (const each of node.properties) check(each.type === 'Property' ? each.value : each.argument)
      } else if (node.type === 'ArrayExpression') {
        for (const each of node.elements) if (each !== null && each.type !== 'SpreadElement') check(each)
      } else checkType(node, typeOf(node))
    }
    return {
      'CallExpression[callee.property.name="toMatchObject"]': ({ arguments: [expected] }) => {
        if (expected !== undefined) check(expected)
      },
    }
  },
}
