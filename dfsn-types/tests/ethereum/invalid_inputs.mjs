// Data of calls that the system address must refuse, one fault each.

import { concat, encodeFunctionData, padHex, toFunctionSelector, toHex } from 'viem'
import { abi } from './calls.mjs'

const HASH = `0x${'11'.repeat(32)}`
const PARAMS = {
  model: HASH,
  profile: HASH,
  prompt: 'a red fox',
  negativePrompt: 'a blue dog',
  seed: 7,
  numInferenceSteps: 20,
  guidanceScale: 7_500,
  strength: 1_000,
  scheduler: 0,
  height: 64,
  width: 64,
  numImages: 1,
  initImage: `0x${'00'.repeat(32)}`,
}
// A VRF key of a test network, which must be a point; every other key may be any bytes.
const VRF_KEY = '0x93db9f2ee0f7e39e942fb59441190bf20b9c43cfcc8a051a152499cf392b7a37'
const REGISTRATION = {
  dutyKey: HASH,
  vrfKey: VRF_KEY,
  computeKey: HASH,
  payout: `0x${'22'.repeat(20)}`,
  offers: [{ model: HASH, profile: HASH, capacity: 1, minPrice: 1n }],
  relay: { kind: 0, host: `0x${'33'.repeat(20)}`, port: 0 },
}
const POSSESSION = { duty: `0x${'44'.repeat(64)}`, compute: `0x${'55'.repeat(64)}`, vrf: `0x${'66'.repeat(80)}` }

const MODEL = {
  id: HASH,
  name: 'a model',
  a: 1n,
  b: 1n,
  d: 1n,
  t: 1n,
  latentChannels: 4,
  vaeScaleFactor: 8,
  sizeMultiple: 64,
  sizeMax: 512,
  testHeight: 64,
  testWidth: 64,
  weightsRoot: `0x${'00'.repeat(32)}`,
  architecture: '0x',
}

const request = (changed, price = 1n) =>
  encodeFunctionData({ abi, functionName: 'generationRequest', args: [{ ...PARAMS, ...changed }, price, 600_000n, false] })
const register = (changed, possession = {}) =>
  encodeFunctionData({
    abi,
    functionName: 'registerCompute',
    args: [{ ...REGISTRATION, ...changed }, { ...POSSESSION, ...possession }],
  })

const word = (number) => padHex(toHex(number), { size: 32 })
/** Data in words behind the selector, for edits. */
const split = (data) => ({ selector: data.slice(0, 10), words: data.slice(10).match(/.{1,64}/g).map((w) => `0x${w}`) })
const join = ({ selector, words }) => concat([selector, ...words])
function edited(data, edit) {
  const parts = split(data)
  edit(parts.words)
  return join(parts)
}

export function invalidInputs() {
  const cases = []
  const refuse = (description, error, data) => cases.push({ description, error, data })
  const receipt = encodeFunctionData({ abi, functionName: 'receipt', args: [HASH] })
  const stake = encodeFunctionData({ abi, functionName: 'stake' })
  const unstake = encodeFunctionData({ abi, functionName: 'unstake', args: [1n] })

  refuse('selector of another contract', 'ETH-05', '0xa9059cbb')
  refuse('selector of 3 bytes', 'ETH-05', '0xa9059c')
  refuse('a transfer of tokens', 'ETH-05', concat([toFunctionSelector('transfer(address,uint256)'), word(1), word(1)]))
  refuse('stake with input', 'ETH-05', concat([stake, word(0)]))
  refuse('stake with a byte behind', 'ETH-05', concat([stake, '0x00']))
  refuse('receipt without input', 'ETH-05', receipt.slice(0, 10))
  refuse('receipt cut short', 'ETH-05', receipt.slice(0, -2))
  refuse('receipt with a word behind', 'ETH-05', concat([receipt, word(0)]))
  refuse('receipt with a byte behind', 'ETH-05', concat([receipt, '0x00']))
  refuse('unstake of 2^128', 'ETH-05', edited(unstake, (words) => (words[0] = word(2n ** 128n))))

  // generationRequest: 4 words of arguments, 13 of the structure, then prompt and negative prompt, 2 words each.
  const whole = request({})
  const at = { params: 0, unaudited: 3, prompt: 4 + 2, negative: 4 + 3, seed: 4 + 4, scheduler: 4 + 8, text: 4 + 13 }
  refuse('a word between head and tail', 'ETH-05', edited(whole, (words) => {
    words[at.params] = word(5 * 32)
    words.splice(4, 0, word(0))
  }))
  refuse('a word between two texts', 'ETH-05', edited(whole, (words) => {
    words[at.negative] = word((13 + 3) * 32)
    words.splice(at.text + 2, 0, word(0))
  }))
  refuse('two texts in the wrong order', 'ETH-05', edited(whole, (words) => {
    ;[words[at.prompt], words[at.negative]] = [words[at.negative], words[at.prompt]]
  }))
  refuse('two texts in one place', 'ETH-05', edited(request({ negativePrompt: 'a red fox' }), (words) => {
    words[at.negative] = words[at.prompt]
    words.splice(at.text + 2, 2)
  }))
  refuse('offset beyond the end', 'ETH-05', edited(whole, (words) => (words[at.prompt] = word(2 ** 20))))
  refuse('offset of 2^255', 'ETH-05', edited(whole, (words) => (words[at.prompt] = word(2n ** 255n))))
  refuse('offset into the head', 'ETH-05', edited(whole, (words) => (words[at.prompt] = word(0))))
  refuse('length beyond the end', 'ETH-05', edited(whole, (words) => (words[at.text] = word(2 ** 20))))
  refuse('length of 2^255', 'ETH-05', edited(whole, (words) => (words[at.text] = word(2n ** 255n))))
  refuse('padding that is not zero', 'ETH-05', edited(whole, (words) => (words[at.text + 1] = words[at.text + 1].slice(0, -2) + '01')))
  refuse('bool of 2', 'ETH-05', edited(whole, (words) => (words[at.unaudited] = word(2))))
  refuse('seed of 2^32', 'ETH-05', edited(whole, (words) => (words[at.seed] = word(2 ** 32))))
  refuse('scheduler of 256', 'ETH-05', edited(whole, (words) => (words[at.scheduler] = word(256))))
  refuse('prompt that is no UTF-8', 'ETH-05', edited(whole, (words) => (words[at.text + 1] = '0xff' + words[at.text + 1].slice(4))))
  refuse('half a word behind', 'ETH-05', concat([whole, `0x${'00'.repeat(16)}`]))

  refuse('prompt of 2,049 bytes', 'ETH-06', request({ prompt: 'x'.repeat(2_049) }))
  refuse('negative prompt of 2,049 bytes', 'ETH-06', request({ negativePrompt: 'x'.repeat(2_049) }))
  refuse('no steps', 'ETH-06', request({ numInferenceSteps: 0 }))
  refuse('151 steps', 'ETH-06', request({ numInferenceSteps: 151 }))
  refuse('guidance of 100.001', 'ETH-06', request({ guidanceScale: 100_001 }))
  refuse('strength of 1.001', 'ETH-06', request({ strength: 1_001 }))
  refuse('strength without an image', 'ETH-06', request({ strength: 999 }))
  refuse('strength that leaves no step', 'ETH-06', request({ strength: 49, initImage: HASH }))
  refuse('unknown scheduler', 'ETH-06', request({ scheduler: 255 }))
  refuse('height of 60', 'ETH-06', request({ height: 60 }))
  refuse('width of 2,056', 'ETH-06', request({ width: 2_056 }))
  refuse('no images', 'ETH-06', request({ numImages: 0 }))
  refuse('five images', 'ETH-06', request({ numImages: 5 }))

  const relay = (changed) => register({ relay: { ...REGISTRATION.relay, ...changed } })
  refuse('17 offers', 'ETH-06', register({ offers: Array(17).fill(REGISTRATION.offers[0]) }))
  refuse('VRF key of small order', 'ETH-06', register({ vrfKey: `0x01${'00'.repeat(31)}` }))
  refuse('VRF key that is no point', 'ETH-06', register({ vrfKey: `0x${'ff'.repeat(32)}` }))
  refuse('relay of kind 3', 'ETH-06', relay({ kind: 3 }))
  refuse('node with a port', 'ETH-06', relay({ port: 1 }))
  refuse('IPv4 address of 5 bytes', 'ETH-06', relay({ kind: 1, host: `0x0808080801${'00'.repeat(15)}` }))
  refuse('IPv6 address of 17 bytes', 'ETH-06', relay({ kind: 2, host: `0x${'22'.repeat(17)}000000` }))
  refuse('signature of 63 bytes', 'ETH-06', register({}, { duty: `0x${'44'.repeat(63)}` }))
  refuse('signature of 65 bytes', 'ETH-06', register({}, { compute: `0x${'55'.repeat(65)}` }))
  refuse('VRF proof of 81 bytes', 'ETH-06', register({}, { vrf: `0x${'66'.repeat(81)}` }))

  const model = (changed) => encodeFunctionData({ abi, functionName: 'registerModel', args: [{ ...MODEL, ...changed }] })
  refuse('model name of 65 bytes', 'ETH-06', model({ name: 'x'.repeat(65) }))
  refuse('test picture of 60 pixels', 'ETH-06', model({ testHeight: 60 }))
  refuse('test picture of no pixels', 'ETH-06', model({ testWidth: 0 }))
  refuse('root of weights without an architecture', 'ETH-06', model({ weightsRoot: HASH }))
  refuse('architecture of 4,097 bytes', 'ETH-06', model({ weightsRoot: HASH, architecture: `0x${'01'.repeat(4_097)}` }))
  return cases
}
