// What a node answers, in the JSON form of dfsn-types and dfsn_client::view. Amounts are decimal texts of base units.

export type Hex = `0x${string}`
/** `dfsn1…` */
export type Address = string
/** 64 hexadecimal digits without 0x. */
export type Hash = string

export interface GenerationParams {
  model: Hash
  profile: Hash
  prompt: string
  negative_prompt: string
  seed: number
  num_inference_steps: number
  guidance_scale: number
  strength: number
  scheduler: string
  size: { height: number; width: number }
  num_images: number
  init_image: Hash | null
}

export interface ModelRecord {
  id: Hash
  name: string
  work: { a: number; b: number; d: number; t: number }
  latent_channels: number
  vae_scale_factor: number
  size_multiple: number
  size_max: number
  test_size: { height: number; width: number }
  exact: { weights_root: Hash } | null
}

export interface NetworkInfo {
  chain_id: number
  genesis: Hash
  height: number
  timestamp: number
  base_fee_per_gas: string
  params: {
    windows: { accept_ms: number; deadline_ms: number; job_ms_max: number; unbonding_ms: number; receipt_ms: number; jail_ms: number }
    penalties: { collateral_prices: number; deadline_prices: number }
    economics: {
      stake_min: string
      price_min: string
      cancel_fee: string
      worker_share: number
      test_steps: number
      test_deposit_fees: number
    }
    sortition: { warmup_ms: number; validators_min: number }
  }
  models: ModelRecord[]
  profiles: ({ exact: { version: number } } | Record<string, unknown>)[]
}

export interface Quote {
  work_units: number
  price_per_unit: string
  price: string
  workers: number
  audited: boolean
}

export interface AccountInfo {
  balance: string
  nonce: number
  stake: string
}

export interface ImageCommitment {
  file: Hash
  file_bytes: number
  pixels: Hash
}

/** What became of an image: a picture, or a number that is not finite at boundary `t`, on every machine. */
export type ImageResult = { picture: ImageCommitment } | { failed: { t: number } }

export interface Commitment {
  images: ImageResult[]
  trace_root: Hash
}

export type RefundReason =
  | 'expired'
  | 'pushed_out'
  | 'attempts_failed'
  | 'undelivered'
  | 'untested'
  | 'cancelled'
  | 'overturned'
  | 'failed'

export type JobStatus =
  | 'pending'
  | 'drawn'
  | 'accepted'
  | 'audited'
  | 'contested'
  | 'delivering'
  | 'settled'
  | 'undecided'
  | 'test_failed'
  | { refunded: RefundReason }

export interface JobInfo {
  id: Hash
  requester: Address
  params: GenerationParams
  price: string
  attempt: number
  worker: Address | null
  commitment: Commitment | null
  delivered: boolean
  status: JobStatus
}

export interface Pair {
  model: Hash
  profile: Hash
}

export interface ValidatorInfo {
  address: Address
  owner: Address
  stake: string
  locked: string
  status: 'bonded' | 'jailed' | 'exiting' | 'exited' | 'tombstoned'
  paused: boolean
  duty_key: Hash | null
  pairs: {
    pair: Pair
    status: 'trial' | 'active'
    capacity: number
    open_jobs: number
    min_price: string
    clean_jobs: number
  }[]
}

export interface Receipt {
  id: Hash
  status: 'succeeded' | { failed: { rule: string } }
  gas_used: number
  fee: string
}

/** One key, the event's name; most say which job they are about. */
export type ChainEvent = Record<string, EventFields> | string
export interface EventFields {
  job?: Hash
  attempt?: number
  worker?: Address
  validator?: Address
  auditor?: Address
  witness?: Address
  requester?: Address
  price?: string
  amount?: string
  paid?: string
  collateral?: string
  deadline?: number
  accept_by?: number
  answers?: number
  commitment?: Commitment
  worker_paid?: string
  auditors_paid?: string
  burned?: string
  reason?: RefundReason
  fault?: string
  role?: string
  worker_right?: boolean
  pair?: Pair
  owner?: Address
}

export interface BlockInfo {
  hash: Hash
  header: { header: { height: number; timestamp: number; parent: Hash; gas_used?: number; base_fee_per_gas?: string } }
  duties: number
  data: number
  transactions: Hash[]
  receipts: Receipt[]
  events: ChainEvent[]
}

export type Notification =
  | { kind: 'block'; height: number; receipts: Receipt[]; events: ChainEvent[] }
  | { kind: 'progress'; job: Hash; attempt: number; image: number; step: number; steps: number }
  | { kind: 'preview'; job: Hash; attempt: number; image: number; step: number; file: Hash }

export const SCHEDULERS = [
  ['ddim', 'DDIM'],
  ['euler', 'Euler'],
  ['pndm', 'PNDM'],
  ['euler_ancestral', 'Euler ancestral'],
  ['dpmpp_2m', 'DPM++ 2M'],
  ['unipc', 'UniPC'],
  ['lcm', 'LCM'],
  ['ddpm', 'DDPM'],
  ['euler_karras', 'Euler Karras'],
  ['dpmpp_2m_karras', 'DPM++ 2M Karras'],
  ['unipc_karras', 'UniPC Karras'],
] as const

export const isRefunded = (status: JobStatus): status is { refunded: RefundReason } => typeof status === 'object'

export const isFinal = (status: JobStatus): boolean =>
  isRefunded(status) || status === 'settled' || status === 'undecided' || status === 'test_failed'

/** Name and fields of an event. */
export function eventOf(event: ChainEvent): [string, EventFields] {
  if (typeof event === 'string') return [event, {}]
  const [entry] = Object.entries(event)
  return entry ?? ['', {}]
}
