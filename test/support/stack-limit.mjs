// Limits the stacks of errors to as many frames as Node does outside of jest, which makes them ten times as long. Each
// expect() makes an error, so that takes time, and what reads stacks sees in tests what it sees elsewhere.
Error.stackTraceLimit = 10
