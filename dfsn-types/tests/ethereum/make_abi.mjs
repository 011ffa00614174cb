// Compiles abi/IDfsn.sol with solc and writes its interface to abi/IDfsn.json, and what its comments say of it to
// abi/IDfsn.doc.json: `npm ci && npm run abi`.

import { readFileSync, writeFileSync } from 'node:fs'
import solc from 'solc'

const folder = new URL('../../abi/', import.meta.url)
const input = {
  language: 'Solidity',
  sources: { 'IDfsn.sol': { content: readFileSync(new URL('IDfsn.sol', folder), 'utf8') } },
  settings: { outputSelection: { '*': { '*': ['abi', 'devdoc', 'userdoc'] } } },
}
const output = JSON.parse(solc.compile(JSON.stringify(input)))
for (const error of output.errors ?? []) console.error(error.formattedMessage)
const { abi, devdoc, userdoc } = output.contracts['IDfsn.sol'].IDfsn
const write = (name, value) => writeFileSync(new URL(name, folder), JSON.stringify(value, null, 2) + '\n')
write('IDfsn.json', abi)
write('IDfsn.doc.json', { devdoc, userdoc })
