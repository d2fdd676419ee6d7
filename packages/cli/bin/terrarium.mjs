#!/usr/bin/env node
// The command `terrarium`: runs the package's main() with the arguments of the process.
import { main } from '../dist/index.js'

process.exitCode = await main(process.argv.slice(2))
