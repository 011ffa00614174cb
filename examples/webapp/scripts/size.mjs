// Measures what a first visit loads, and fails over the limit; leaves a compressed copy beside each file for the server.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

const LIMIT_KB = 250
const DIST = new URL('../dist/', import.meta.url).pathname

const files = readdirSync(DIST, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && /\.(js|css|html|svg|wasm|webmanifest|json)$/.test(entry.name))
  .map((entry) => join(entry.parentPath, entry.name))

let scripts = 0
for (const file of files.sort()) {
  const packed = gzipSync(readFileSync(file), { level: 9 })
  writeFileSync(`${file}.gz`, packed)
  if (file.endsWith('.js')) scripts += packed.length
  console.log(`${(packed.length / 1000).toFixed(1).padStart(8)} kB  ${file.slice(DIST.length)}`)
}
console.log(`${(scripts / 1000).toFixed(1).padStart(8)} kB  all JavaScript, gzipped; ${LIMIT_KB} kB allowed for a first load`)
if (scripts > LIMIT_KB * 1000) {
  console.error('error: the page loads too much JavaScript')
  process.exit(1)
}
