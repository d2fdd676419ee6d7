// Evaluated before any other script is loaded, so it keeps to syntax and functions that old Nodes have.
// The entry points import this first and everything else dynamically.
var required = 20
var major = Number(process.versions.node.split('.')[0])

if (major < required) {
  console.error(
    'Terrarium needs Node.js ' +
      required +
      ' or newer; this is ' +
      process.version +
      ' at ' +
      process.execPath +
      '.\n' +
      'Install a newer Node.js, put it first on PATH, and run the same command again.',
  )
  process.exit(1)
}
