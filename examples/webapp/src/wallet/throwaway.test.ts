import { hexToBytes, parseTransaction, slice } from 'viem'
import { afterEach, expect, it, vi } from 'vitest'
import type { Call } from '../chain/calls'
import { RpcError } from '../chain/rpc'
import type { Hex, NetworkInfo } from '../chain/types'
import { throwaway } from './throwaway'

const network = { chain_id: 43_113, base_fee_per_gas: '25' } as unknown as NetworkInfo
const call = { to: `0x${'11'.repeat(20)}`, value: 1n, gas: 21_000n, data: '0x' } as unknown as Call
/** The node: it takes what `takes` says, and keeps the nonces of what it was asked. */
const asked: number[] = []
let takes: (nonce: number) => boolean

vi.mock('../chain/rpc', async (original) => ({
  ...(await original<typeof import('../chain/rpc')>()),
  rpc: async (_method: string, [encoded]: [Hex]) => {
    await new Promise((done) => setTimeout(done, 5))
    const length = new DataView(hexToBytes(encoded).buffer).getUint32(1, true)
    const { nonce = 0 } = parseTransaction(slice(encoded, 5, 5 + length) as `0x02${string}`)
    asked.push(nonce)
    if (!takes(nonce)) throw new RpcError('MEM-02: refused', -32_000)
    return `0x${nonce}`
  },
}))

afterEach(() => asked.splice(0))

it('gives calls that are made at once a nonce each', async () => {
  takes = () => true
  const signer = throwaway()
  const sent = [1, 2, 3].map(() => signer.send(call, network, 7))
  expect(await Promise.all(sent)).toEqual(['0x7', '0x8', '0x9'])
})

it('goes on after a call that was refused', async () => {
  const signer = throwaway()
  takes = () => false
  const refused = signer.send(call, network, 7)
  const after = signer.send(call, network, 7)
  await expect(refused).rejects.toThrow()
  takes = () => true
  expect(await after).toBe('0x7')
  // What was counted got lost with its node.
  takes = (nonce) => nonce === 7
  expect(await signer.send(call, network, 7)).toBe('0x7')
  expect(asked).toEqual([7, 7, 8, 7])
})
