// Where the sockets of observers are.
/** How the name of an observer's folder begins; the pid of its host and a random number follow. */
export const FOLDER = 'terrarium-observe-'
export const SOCKET = 'observe.sock'
