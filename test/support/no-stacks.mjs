// Property tests that import this take no stacks: each of the many errors that their stories lead to would take one,
// and a broken rule says its name.
Error.stackTraceLimit = 0
