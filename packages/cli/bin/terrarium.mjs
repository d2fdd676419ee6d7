#!/usr/bin/env node
// The executable `terrarium`: runs the built command.
import { main } from '../dist/index.js'

process.exitCode = await main(process.argv.slice(2))
