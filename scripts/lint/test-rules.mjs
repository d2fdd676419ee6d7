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
