import { bech32m } from '@scure/base'
import { hexToBytes } from 'viem'

export const toDfsn = (address) => bech32m.encode('dfsn', bech32m.toWords(hexToBytes(address)))
