// Hashes with a domain, as dfsn-types makes them: BLAKE3 with the domain's context string.

import { blake3 } from '@noble/hashes/blake3'
import { bytesToHex, hexToBytes } from '@noble/hashes/utils'
import type { Hash } from './types'

const within = (domain: string, bytes: Uint8Array): Hash =>
  bytesToHex(blake3(bytes, { context: new TextEncoder().encode(domain) }))

/** The job that a request or a hardware test of this name opens (rule JOB-02). */
export const jobOf = (transaction: Hash): Hash => within('dfsn/job/1', hexToBytes(transaction))

/** The name of a file. */
export const fileHash = (file: Uint8Array): Hash => within('dfsn/file/1', file)
