// Native transactions, in the JSON of the frozen vectors, as calls of the system address.

import { readFileSync } from 'node:fs'
import { bech32m } from '@scure/base'
import { encodeFunctionData, isHex, toHex } from 'viem'

const read = (path) => JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'))

export const abi = read('../../abi/IDfsn.json')
export const SYSTEM = toHex(new TextEncoder().encode('DFSN system contract'))

/** Samples of every kind of transaction: description and native JSON. */
export const kinds = read('../vectors/types/transaction_kind.json').cases
/** Samples of parameters and registrations, for more of some kinds. */
export const requests = read('../vectors/types/generation_request.json').cases
export const registrations = read('../vectors/types/compute_registration.json').cases

const bytes = (hex) => (isHex(hex) ? hex : `0x${hex}`)
const address = (text) => toHex(bech32m.decodeToBytes(text).bytes)
const SCHEDULERS = [
  'ddim',
  'euler',
  'pndm',
  'euler_ancestral',
  'dpmpp_2m',
  'unipc',
  'lcm',
  'ddpm',
  'euler_karras',
  'dpmpp_2m_karras',
  'unipc_karras',
]
const FAULTS = [
  'missed_deadline',
  'wrong_result',
  'silence',
  'baseless_contest',
  'wrong_answer',
  'missing_answer',
  'early_opening',
]

function relay(native) {
  const host = (parts) => toHex(Uint8Array.from({ length: 20 }, (_, i) => parts[i] ?? 0))
  if (native.node) return { kind: 0, host: bytes(native.node), port: 0 }
  const [ip, port] = native.ip
  if (ip.includes('.')) return { kind: 1, host: host(ip.split('.').map(Number)), port }
  const [head, tail = ''] = ip.split('::').map((half) => half.split(':').filter(Boolean))
  const groups = [...head, ...Array(8 - head.length - tail.length).fill('0'), ...tail]
  const octets = groups.flatMap((group) => [parseInt(group, 16) >> 8, parseInt(group, 16) & 0xff])
  return { kind: 2, host: host(octets), port }
}

function registration(native) {
  return {
    dutyKey: bytes(native.duty_key),
    vrfKey: bytes(native.vrf_key),
    computeKey: bytes(native.compute_key),
    payout: address(native.payout),
    offers: native.offers.map((offer) => ({
      model: bytes(offer.pair.model),
      profile: bytes(offer.pair.profile),
      capacity: offer.capacity,
      minPrice: BigInt(offer.min_price),
    })),
    relay: relay(native.relay),
  }
}

function params(native) {
  return {
    model: bytes(native.model),
    profile: bytes(native.profile),
    prompt: native.prompt,
    negativePrompt: native.negative_prompt,
    seed: native.seed,
    numInferenceSteps: native.num_inference_steps,
    guidanceScale: native.guidance_scale,
    strength: native.strength,
    scheduler: SCHEDULERS.indexOf(native.scheduler),
    height: native.size.height,
    width: native.size.width,
    numImages: native.num_images,
    initImage: bytes(native.init_image ?? '00'.repeat(32)),
  }
}

function model(native) {
  return {
    id: bytes(native.id),
    name: native.name,
    a: BigInt(native.work.a),
    b: BigInt(native.work.b),
    d: BigInt(native.work.d),
    t: BigInt(native.work.t),
    latentChannels: native.latent_channels,
    vaeScaleFactor: native.vae_scale_factor,
    sizeMultiple: native.size_multiple,
    sizeMax: native.size_max,
    testHeight: native.test_size.height,
    testWidth: native.test_size.width,
    weightsRoot: native.exact ? bytes(native.exact.weights_root) : `0x${'00'.repeat(32)}`,
    architecture: native.exact ? toHex(Uint8Array.from(native.exact.architecture)) : '0x',
  }
}

/** Arguments of each function, by the name of its kind. */
const ARGUMENTS = {
  stake: () => [],
  unstake: (native) => [BigInt(native.amount)],
  register_compute: (native) => [
    registration(native.registration),
    {
      duty: bytes(native.possession.duty),
      compute: bytes(native.possession.compute),
      vrf: bytes(native.possession.vrf),
    },
  ],
  test_hardware: (native) => [bytes(native.pair.model), bytes(native.pair.profile)],
  generation_request: (native) => [
    params(native.params),
    BigInt(native.price_per_unit),
    BigInt(native.expires_ms),
    native.unaudited,
  ],
  receipt: (native) => [bytes(native.job)],
  cancel_request: (native) => [bytes(native.job)],
  request_audit: (native) => [bytes(native.job)],
  unjail: () => [],
  change_owner: (native) => [address(native.to)],
  register_model: (native) => [model(native)],
  remove_model: (native) => [bytes(native.model)],
  pause_jobs: (native) => [BigInt(native.until)],
  release_holds: (native) => [FAULTS.indexOf(native.fault), BigInt(native.from), BigInt(native.to)],
}

const camelCase = (name) => name.replace(/_(.)/g, (_, letter) => letter.toUpperCase())

/** Receiver, value and data of the transaction that is of this kind, with `value` where only the state tells it. */
export function call(kind, value) {
  // A kind without fields is its name alone.
  const [name, native] = typeof kind === 'string' ? [kind, {}] : Object.entries(kind)[0]
  if (name === 'transfer') return { to: address(native.to), value: BigInt(native.amount), data: '0x' }
  if (!(name in ARGUMENTS)) return undefined
  const functionName = camelCase(name)
  const { stateMutability } = abi.find((entry) => entry.name === functionName)
  const moved = name === 'stake' ? BigInt(native.amount) : value
  const data = encodeFunctionData({ abi, functionName, args: ARGUMENTS[name](native) })
  return { to: SYSTEM, value: stateMutability === 'payable' ? moved : 0n, data }
}
