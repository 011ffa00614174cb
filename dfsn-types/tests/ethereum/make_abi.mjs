// Compiles abi/IDfsn.sol with solc and writes its interface to abi/IDfsn.json: `npm ci && npm run abi`.

import { readFileSync, writeFileSync } from 'node:fs'
import solc from 'solc'

const folder = new URL('../../abi/', import.meta.url)
const input = {
  language: 'Solidity',
  sources: { 'IDfsn.sol': { content: readFileSync(new URL('IDfsn.sol', folder), 'utf8') } },
  settings: { outputSelection: { '*': { '*': ['abi'] } } },
}
const output = JSON.parse(solc.compile(JSON.stringify(input)))
for (const error of output.errors ?? []) console.error(error.formattedMessage)
const { abi } = output.contracts['IDfsn.sol'].IDfsn
writeFileSync(new URL('IDfsn.json', folder), JSON.stringify(abi, null, 2) + '\n')
