#!/usr/bin/env node
// The executable `terrarium`: runs the built command. What starts no worker is in one file, which is loaded faster.
const STARTS_WORKERS = ['call', 'doctor', 'list']
const isWork = STARTS_WORKERS.includes(process.argv[2])
const { main } = await import(isWork ? '../dist/main.js' : '../dist/look.js')

process.exitCode = await main(process.argv.slice(2))
