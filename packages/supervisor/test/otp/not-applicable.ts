// The cases of OTP that have no counterpart here, with the reason for each.
const PARTITIONS =
  'partitions spread load over cores, and the actors of one thread have one; use children and a hash, or a pool'
const APPLICATIONS =
  'a program has one top supervisor: dependencies are its children, in order; what its end means is for supervisor.exit to decide'

/**
 * Cases that do not apply in JavaScript, or for which something else is to be used, and why. docs/supervisor/otp.md
 * lists them too.
 */
export const NOT_APPLICABLE: Readonly<Record<string, string>> = {
  B06: 'a start gives an actor and nothing else; what the child has to tell is in its snapshot',
  B14: 'a start function gives a logic, of which the supervisor makes the actor: it cannot give a dead actor',
  G13: 'XState tells a supervisor of the end of its child in any case; nothing that the child does to its links changes that',
  M17: 'hibernation gives memory back; a JavaScript heap is not divided among actors, and nothing else of it can be observed',
  O01: PARTITIONS,
  O02: PARTITIONS,
  O03: PARTITIONS,
  O04: PARTITIONS,
  O05: PARTITIONS,
  P05: 'a promise has no owner: any code may await it',
  P08: 'p-map gives order, concurrency and cancellation; its mapper can start tasks',
  Q01: APPLICATIONS,
  Q02: APPLICATIONS,
  Q03: APPLICATIONS,
  Q04: APPLICATIONS,
  Q05: APPLICATIONS,
  Q06: APPLICATIONS,
  Q07: APPLICATIONS,
  Q08: APPLICATIONS,
  R08: 'a timer of 0 ms is a timer; what has to come before queued events is raised without delay (R06)',
}
