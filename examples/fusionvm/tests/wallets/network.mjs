// What both libraries' scripts need: the node's URLs, its interface, coins, and a request that it can draw.

import { readFileSync } from 'node:fs'

const [url] = process.argv.slice(2)

/** Ethereum's JSON-RPC over HTTP and over WebSocket. */
export const http = `${url}/eth`
export const ws = http.replace('http', 'ws')

export const abi = JSON.parse(readFileSync(process.env.DFSN_ABI, 'utf8'))
export const SYSTEM = '0x4446534e2073797374656d20636F6E7472616374'

/** A method of the node's own API. */
export async function native(method, ...params) {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: `dfsn_${method}`, params })
  const answer = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  const { result, error } = await answer.json()
  if (error) throw new Error(`${method}: ${error.message}`)
  return result
}

/** Ethereum's JSON-RPC without a library: the result, or the error. */
export async function raw(method, ...params) {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
  const answer = await fetch(http, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  return answer.json()
}

/** Coins of the faucet; they are there when it answers with the transaction's hash. */
export async function fund(address) {
  const answer = await fetch(`${url}/faucet`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ address }),
  })
  if (!answer.ok) throw new Error(await answer.text())
  return `0x${(await answer.json()).transaction}`
}

/** A request for one small picture, as the interface's arguments, and its price. */
export async function request(prompt) {
  const { models, profiles } = await native('network')
  const model = models[0].id
  const profile = (await native('getValidators'))[0].pairs[0].pair.profile
  if (profiles.length === 0) throw new Error('no profile')
  const params = {
    model,
    profile,
    prompt,
    negative_prompt: '',
    seed: 7,
    num_inference_steps: 4,
    guidance_scale: 5000,
    strength: 1000,
    scheduler: 'ddim',
    size: { height: 64, width: 64 },
    num_images: 1,
    init_image: null,
  }
  const quote = await native('quote', params)
  const bytes = (hex) => (hex.startsWith('0x') ? hex : `0x${hex}`)
  const call = {
    model: bytes(model),
    profile: bytes(profile),
    prompt,
    negativePrompt: '',
    seed: 7,
    numInferenceSteps: 4,
    guidanceScale: 5000,
    strength: 1000,
    scheduler: 0,
    height: 64,
    width: 64,
    numImages: 1,
    initImage: `0x${'00'.repeat(32)}`,
  }
  return {
    args: [call, BigInt(quote.price_per_unit), 600_000n, !quote.audited],
    value: BigInt(quote.price),
  }
}

/** What must throw, with a message that says why. */
export async function fails(promise, says) {
  try {
    await promise
  } catch (error) {
    const message = [error.message, error.shortMessage, error.details, error.info?.error?.message].join('\n')
    if (!says.test(message)) throw new Error(`expected ${says}: ${message}`)
    return
  }
  throw new Error(`expected ${says}, nothing failed`)
}
