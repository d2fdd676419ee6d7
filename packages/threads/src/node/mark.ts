// The worker data by which a thread knows that its host is one of this package. A module may also be imported in a
// worker thread of another host, a test runner's for instance, where it exposes nothing.

export const MARK = 'terrarium.thread'
