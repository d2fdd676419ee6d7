// The version of the protocol, the same for both transports; in Python: `terrarium/_version.py`.

/** Raised when a frame is added or changed. */
export const PROTOCOL_VERSION = 4
