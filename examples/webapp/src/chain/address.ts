// Addresses: `dfsn1…` on this chain's side, 0x… on the wallets'.

import { bech32m } from '@scure/base'
import { bytesToHex, getAddress, hexToBytes, isAddress } from 'viem'
import type { Address, Hex } from './types'

export function toDfsn(address: Hex): Address {
  return bech32m.encode('dfsn', bech32m.toWords(hexToBytes(address)))
}

export function toHexAddress(address: Address): Hex {
  return getAddress(bytesToHex(bech32m.fromWords(bech32m.decode(address as `dfsn1${string}`).words)))
}

/** An address in either form, as `dfsn1…`; nothing when it is none. */
export function readAddress(text: string): Address | null {
  const trimmed = text.trim()
  try {
    if (isAddress(trimmed)) return toDfsn(trimmed)
    const { prefix, words } = bech32m.decode(trimmed as `dfsn1${string}`)
    return prefix === 'dfsn' && bech32m.fromWords(words).length === 20 ? trimmed.toLowerCase() : null
  } catch {
    return null
  }
}

export const short = (text: string, head = 10, tail = 6): string =>
  text.length <= head + tail + 1 ? text : `${text.slice(0, head)}…${text.slice(-tail)}`
