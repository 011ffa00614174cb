// A key that this browser keeps: for development networks, whose coins are worth nothing. Whoever can run scripts on this page
// or read this browser's profile can take it.

import { bytesToHex, hexToBytes } from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import type { Call } from '../chain/calls'
import { rpc, RpcError } from '../chain/rpc'
import { keptStore } from '../chain/store'
import type { Hash, Hex, NetworkInfo } from '../chain/types'
import { explainRule } from './rules'
import { SendError } from './send'
import type { Signer } from './signer'

const isKey = (value: unknown): value is Hex => typeof value === 'string' && /^0x[0-9a-f]{64}$/.test(value)

const key = keptStore<Hex | null>('dfsn.throwaway', null, (value) => (isKey(value) ? value : null))

export const hasThrowaway = (): boolean => key.get() !== null
export const forgetThrowaway = (): void => key.set(null)

/** The key of this browser, made when there is none. */
export function throwaway(): Signer {
  const secret = key.get() ?? generatePrivateKey()
  key.set(secret)
  const account = privateKeyToAccount(secret)
  let next = 0
  let last: Promise<unknown> = Promise.resolve()
  return {
    kind: 'throwaway',
    address: account.address,
    name: 'Throw-away key',
    icon: null,
    sign: (text) => account.signMessage({ message: text }),
    async send(call: Call, network: NetworkInfo, nonce: number): Promise<Hash> {
      const baseFee = BigInt(network.base_fee_per_gas)
      const send = async (used: number) => {
        const raw = await account.signTransaction({
          type: 'eip1559',
          chainId: network.chain_id,
          nonce: used,
          gas: call.gas,
          maxFeePerGas: 2n * baseFee,
          maxPriorityFeePerGas: 0n,
          to: call.to,
          value: call.value,
          data: call.data,
        })
        return submit(raw)
      }
      // Several in a row: those that no block has taken yet are counted, too. Each waits for the one before, lest both take its nonce.
      const sent = last.then(async () => {
        const used = Math.max(nonce, next)
        const id = await send(used).catch((error: unknown) => {
          // What was counted got lost with the node that had it.
          if (used !== nonce && error instanceof SendError && error.kind === 'refused') return send(nonce)
          throw error
        })
        next = used + 1
        return id
      })
      last = sent.catch(() => undefined)
      return sent
    },
  }
}

/** In the chain's encoding: the second variant of a signed transaction, with its length before it. */
async function submit(raw: Hex): Promise<Hash> {
  const bytes = hexToBytes(raw)
  const encoded = new Uint8Array(5 + bytes.length)
  encoded[0] = 1
  new DataView(encoded.buffer).setUint32(1, bytes.length, true)
  encoded.set(bytes, 5)
  try {
    return await rpc<Hash>('dfsn_submitTransaction', [bytesToHex(encoded)])
  } catch (error) {
    if (error instanceof RpcError && !error.isOffline) throw new SendError(explainRule(error.message), 'refused')
    throw error
  }
}
