import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from '@jest/globals'
import { workerFiles } from '../src/worker-files.ts'
import { PROTOCOL_VERSION } from '../src/version.ts'

const folder = mkdtempSync(join(tmpdir(), 'terrarium-files-'))

afterEach(() => {
  delete process.env.TERRARIUM_PYTHON_FILES
  rmSync(folder, { recursive: true, force: true })
})

test('files that speak another version of the protocol are refused, and accepted once they are replaced', () => {
  process.env.TERRARIUM_PYTHON_FILES = folder
  const speak = (text: string): void => {
    mkdirSync(join(folder, 'terrarium'), { recursive: true })
    writeFileSync(join(folder, 'terrarium', '__init__.py'), '')
    writeFileSync(join(folder, 'terrarium', '_version.py'), text)
  }
  for (const version of ['1', '30', 'none']) {
    speak(version === 'none' ? '' : `PROTOCOL_VERSION = ${version}\n`)
    const message = `this host speaks version ${PROTOCOL_VERSION} of the protocol, the Python package of the workers speaks ${version}`
    expect(workerFiles).toThrow(expect.objectContaining({ code: 'CONFIGURATION', message }))
  }
  speak(`__version__ = "9"\n\nPROTOCOL_VERSION = ${PROTOCOL_VERSION}\n"""What is spoken."""\n`)
  expect(workerFiles()).toBe(folder)
})
