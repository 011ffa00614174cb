// What a wallet signs: calls of the system address (dfsn-types/abi/IDfsn.sol).

import { type Abi, encodeFunctionData, toHex } from 'viem'
import abi from '../../../../dfsn-types/abi/IDfsn.json'
import { toHexAddress } from './address'
import { type Address, type GenerationParams, type Hash, type Hex, SCHEDULERS } from './types'

/** The ASCII bytes of its name. */
export const SYSTEM: Hex = toHex(new TextEncoder().encode('DFSN system contract'))

/** A transaction without what the network adds: nonce and fees. */
export interface Call {
  to: Hex
  value: bigint
  data: Hex
  gas: bigint
  /** What it is, for people: "Request a picture". */
  title: string
}

const TRANSFER_GAS = 21_000n
const BYTE_GAS = 16n
const NO_FILE = '00'.repeat(32)

function call(title: string, functionName: string, args: unknown[], value: bigint, extraGas: bigint): Call {
  const data = encodeFunctionData({ abi: abi as Abi, functionName, args })
  // Rule FEE-01: known before, so that a wallet has nothing to estimate.
  const gas = TRANSFER_GAS + extraGas + BYTE_GAS * BigInt((data.length - 2) / 2)
  return { to: SYSTEM, value, data, gas, title }
}

const bytes32 = (hash: Hash): Hex => `0x${hash}`

export function requestPicture(
  params: GenerationParams,
  pricePerUnit: bigint,
  price: bigint,
  expiresMs: number,
  unaudited: boolean,
): Call {
  const args = {
    model: bytes32(params.model),
    profile: bytes32(params.profile),
    prompt: params.prompt,
    negativePrompt: params.negative_prompt,
    seed: params.seed,
    numInferenceSteps: params.num_inference_steps,
    guidanceScale: params.guidance_scale,
    strength: params.strength,
    scheduler: SCHEDULERS.findIndex(([name]) => name === params.scheduler),
    height: params.size.height,
    width: params.size.width,
    numImages: params.num_images,
    initImage: bytes32(params.init_image ?? NO_FILE),
  }
  const all = [args, pricePerUnit, BigInt(expiresMs), unaudited]
  return call('Request pictures', 'generationRequest', all, price, 50_000n)
}

export const transfer = (to: Address, value: bigint): Call => ({
  to: toHexAddress(to),
  value,
  data: '0x',
  gas: TRANSFER_GAS,
  title: 'Send DFSN',
})

export const acknowledge = (job: Hash): Call => call('Confirm delivery', 'receipt', [bytes32(job)], 0n, 0n)
export const cancel = (job: Hash): Call => call('Cancel the request', 'cancelRequest', [bytes32(job)], 0n, 0n)
export const stake = (value: bigint): Call => call('Stake', 'stake', [], value, 0n)
export const unstake = (amount: bigint): Call => call('Unstake', 'unstake', [amount], 0n, 0n)
export const unjail = (): Call => call('Leave jail', 'unjail', [], 0n, 0n)
export const testHardware = (model: Hash, profile: Hash, deposit: bigint): Call =>
  call('Test my hardware', 'testHardware', [bytes32(model), bytes32(profile)], deposit, 50_000n)

/** What a node signs for its operator; its JSON form is that of dfsn-types. */
export interface ComputeUpdate {
  registration: {
    duty_key: Hash
    vrf_key: Hash
    compute_key: Hash
    payout: Address
    offers: { pair: { model: Hash; profile: Hash }; capacity: number; min_price: string }[]
    relay: { node: Hash } | { ip: [string, number] }
  }
  possession: { duty: Hash; compute: Hash; vrf: Hash }
}

export function registerCompute({ registration, possession }: ComputeUpdate): Call {
  const args = {
    dutyKey: bytes32(registration.duty_key),
    vrfKey: bytes32(registration.vrf_key),
    computeKey: bytes32(registration.compute_key),
    payout: toHexAddress(registration.payout),
    offers: registration.offers.map(({ pair, capacity, min_price }) => ({
      model: bytes32(pair.model),
      profile: bytes32(pair.profile),
      capacity,
      minPrice: BigInt(min_price),
    })),
    relay: relay(registration.relay),
  }
  const proof = { duty: bytes32(possession.duty), compute: bytes32(possession.compute), vrf: bytes32(possession.vrf) }
  return call('Register compute', 'registerCompute', [args, proof], 0n, 30_000n)
}

function relay(native: ComputeUpdate['registration']['relay']): { kind: number; host: Hex; port: number } {
  if ('node' in native) return { kind: 0, host: bytes32(native.node), port: 0 }
  const [ip, port] = native.ip
  const v4 = ip.split('.').map(Number)
  if (v4.length !== 4) throw new Error('A relay at an IPv6 address is registered by the node itself.')
  return { kind: 1, host: toHex(Uint8Array.from({ length: 20 }, (_, i) => v4[i] ?? 0)), port }
}
