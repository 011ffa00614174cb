// Against vectors that the Rust decoder is tested with: dfsn-types/tests/ethereum/vectors.json.

import { readFileSync } from 'node:fs'
import { parseTransaction } from 'viem'
import { describe, expect, it } from 'vitest'
import { readAddress, toDfsn, toHexAddress } from './address'
import { formatAmount, parseAmount } from './amount'
import { requestPicture, stake, SYSTEM, transfer } from './calls'
import { jobOf } from './hash'
import type { GenerationParams } from './types'

interface Valid {
  description: string
  raw: `0x${string}`
  value: string
  kind: Record<string, never>
}
const read = (path: string) => JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as { valid: Valid[] }
const { valid } = read('../../../../dfsn-types/tests/ethereum/vectors.json')
const ofKind = (name: string) => valid.filter(({ kind }) => typeof kind === 'object' && name in kind)

describe('what a wallet is asked to sign', () => {
  it('is what the chain decodes: requests', () => {
    const samples = ofKind('generation_request')
    expect(samples.length).toBeGreaterThan(0)
    for (const { raw, value, kind } of samples) {
      const request = kind.generation_request as unknown as {
        params: GenerationParams
        price_per_unit: string
        expires_ms: number
        unaudited: boolean
      }
      const call = requestPicture(request.params, BigInt(request.price_per_unit), BigInt(value), request.expires_ms, request.unaudited)
      const parsed = parseTransaction(raw)
      expect([call.to.toLowerCase(), call.data]).toEqual([parsed.to, parsed.data])
    }
  })

  it('is what the chain decodes: stakes and transfers', () => {
    const [staked] = ofKind('stake')
    expect(stake(1n).data).toBe(parseTransaction(staked?.raw ?? '0x').data)
    const [sent] = ofKind('transfer')
    const { to, amount } = sent?.kind.transfer as unknown as { to: string; amount: string }
    expect(transfer(to, BigInt(amount)).to.toLowerCase()).toBe(parseTransaction(sent?.raw ?? '0x').to)
    expect(SYSTEM).toBe('0x4446534e2073797374656d20636f6e7472616374')
  })
})

it('names jobs as the chain does', () => {
  // A request of a development network, and the job that its block told of.
  expect(jobOf('5c055d8393ebd3c0307d082dfb3bc04b17310d4c7cac5e950910223f0ea5aa9d')).toBe(
    '0f333d185ba15efbaed895f413be336341571cf5e81ca00bc587ae5f0512d36d',
  )
})

it('reads addresses in both forms', () => {
  const [hex, dfsn] = ['0x14791697260E4c9A71f18484C9f997B308e59325', 'dfsn1z3u3d9expexf5u03sjzvn7vhkvywtye9es93y0'] as const
  expect(toDfsn(hex)).toBe(dfsn)
  expect(toHexAddress(dfsn)).toBe(hex)
  expect(readAddress(` ${hex} `)).toBe(dfsn)
  for (const wrong of ['', 'dfsn1z3u3d9expexf5u03sjzvn7vhkvywtye9es93y1', '0x1479', 'bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq']) {
    expect(readAddress(wrong)).toBeNull()
  }
})

it('writes and reads money without losing any', () => {
  expect(parseAmount('1.5')).toBe(1_500_000_000_000_000_000n)
  expect(parseAmount('0,000000000000000001')).toBe(1n)
  for (const wrong of ['', '1e3', '-1', '1.2.3', 'all', '0x10']) expect(parseAmount(wrong)).toBeNull()
  expect(formatAmount('1040000000000000000000000', 2)).toBe('1\u202f040\u202f000')
  expect(formatAmount(52_524_000_000_000_000n, 4)).toBe('0.0525')
  expect(formatAmount(52_524_000_000_000_000n, 4, true)).toBe('0.0526')
  expect(formatAmount(1n, 4)).toBe('<0.0001')
  expect(formatAmount(-1_000_000_000_000_000_000n)).toBe('−1')
})
