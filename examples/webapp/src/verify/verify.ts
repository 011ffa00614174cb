// From a file to what is known of it.

import type { PictureFile, ProvenJob } from '../../../exact-wasm/exact.mjs'
import { keptStore } from '../chain/store'
import { fetchPicture } from '../chain/queries'
import { reach, rpc } from '../chain/rpc'
import type { Address, Commitment, GenerationParams, Hash, NetworkInfo } from '../chain/types'
import { pictureOf } from '../chain/images'
import { ask } from './verifier'
import type { Redone } from './worker'

/** The network that this browser has met first. A node of another one, or one that pretends, is noticed. */
export const knownNetwork = keptStore<Hash | null>('dfsn.network', null, (value) =>
  typeof value === 'string' && /^[0-9a-f]{64}$/.test(value) ? value : null,
)

/** What the chain proves of a job; dfsn_types::JobRecord. */
export interface JobRecord {
  id: Hash
  requester: Address
  params: GenerationParams
  price: string
  unaudited: boolean
  attempt: number
  delivered: boolean
  confirmed: number
  stage: string | Record<string, { worker?: Address; commitment?: Commitment; reason?: string; paid?: boolean }>
}

export interface Proof {
  record: JobRecord | null
  network: Hash
  /** Whether it is another one than this browser knows. */
  isOtherNetwork: boolean
  height: number
  checkpoint: number | null
}

export interface Examined {
  file: PictureFile
  job: Hash | null
  image: number
  proof: Proof | null
}

interface SignedHeader {
  header: { height: number }
}

interface SignedCheckpoint {
  checkpoint: { height: number }
}

/** The network's last checkpoint may lie a little behind: it is waited for so often. */
const TRIES = 4

export const readPicture = (file: Uint8Array): Promise<PictureFile> => ask<PictureFile>({ kind: 'read', file })

/** Asks for a job's proof, with headers from its block to a checkpoint, and checks all of it. */
export async function prove(job: Hash): Promise<Proof> {
  const { genesis: network } = await rpc<NetworkInfo>('dfsn_network')
  const known = knownNetwork.get()
  if (known === null) knownNetwork.set(network)
  const genesis: unknown = await (await reach('/web/genesis')).json()
  const { job: shown } = await rpc<{ job: { height: number; answer: object } }>('dfsn_getProof', [{ job }])
  let checkpoint: SignedCheckpoint | null = null
  for (let turn = 0; turn < TRIES; turn++) {
    checkpoint = await rpc<SignedCheckpoint | null>('dfsn_getCheckpoint')
    if (checkpoint && checkpoint.checkpoint.height >= shown.height) break
    await new Promise((done) => setTimeout(done, 400))
  }
  const all = await rpc<SignedHeader[]>('dfsn_getHeaders', [shown.height])
  const last = checkpoint?.checkpoint.height ?? shown.height
  const headers = all.filter(({ header }) => header.height <= Math.max(last, shown.height))
  const claim = { network, genesis, job, height: shown.height, answer: shown.answer, headers, checkpoint }
  const proven = await ask<ProvenJob>({ kind: 'check', claim })
  return {
    record: proven.record as JobRecord | null,
    network,
    isOtherNetwork: known !== null && known !== network,
    height: proven.height,
    checkpoint: proven.checkpoint,
  }
}

/** Reads a file, and what the chain says of the job that it names, or of another that is asked about. */
export async function examine(bytes: Uint8Array, asked: { job: Hash; image: number } | null): Promise<Examined> {
  const file = await readPicture(bytes)
  const job = asked?.job ?? file.claim?.job ?? null
  const image = asked?.image ?? file.claim?.image ?? 0
  return { file, job, image, proof: job ? await prove(job) : null }
}

/** The picture of a job, as this node keeps it. */
export async function fetchOf(job: Hash, image: number): Promise<Uint8Array> {
  const { answer } = await rpc<{ answer: { commitment: Commitment | null } | null }>('dfsn_getJob', [job])
  const file = pictureOf(answer?.commitment, image)?.file
  if (!file) throw new Error('This node has no picture of such a job.')
  return fetchPicture(file)
}

export const commitmentOf = ({ stage }: JobRecord): { worker: Address; commitment: Commitment } | null => {
  if (typeof stage === 'string') return null
  const [fields] = Object.values(stage)
  return fields?.commitment && fields.worker ? { worker: fields.worker, commitment: fields.commitment } : null
}

export const stageName = ({ stage }: JobRecord): string => (typeof stage === 'string' ? stage : (Object.keys(stage)[0] ?? ''))

interface ShownStep {
  attempt: number
  state: string
  before: object
  after: object
}

/** A step from 1, chosen where nobody could have known. */
export function chooseStep(record: JobRecord): number {
  const { num_inference_steps: steps, strength, init_image: init } = record.params
  const executed = init ? Math.floor((steps * strength) / 1_000) : steps
  const random = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0
  return 1 + (random % executed)
}

/** Fetches the states around a step, and computes the step again. */
export async function redo(
  record: JobRecord,
  image: number,
  step: number,
  network: Hash,
  tell: (progress: string, done: number) => void,
): Promise<Redone> {
  const made = commitmentOf(record)
  if (!made) throw new Error('The job has no result.')
  tell('Fetching the opened states', 0)
  const response = await reach(`/web/jobs/${record.id}/steps/${image}/${step}`)
  if (!response.ok) throw new Error((await response.text()).trim() || 'This node does not show the step.')
  const shown = (await response.json()) as ShownStep
  const init = record.params.init_image ? await fetchPicture(record.params.init_image) : new Uint8Array()
  const claim = {
    genesis: network,
    job: record.id,
    attempt: shown.attempt,
    worker: made.worker,
    params: record.params,
    trace_root: made.commitment.trace_root,
    image,
    step,
    before: shown.before,
    after: shown.after,
  }
  const pairs = shown.state.match(/../g) ?? []
  const state = Uint8Array.from(pairs, (pair) => Number.parseInt(pair, 16))
  return ask<Redone>({ kind: 'redo', claim, state, init }, tell)
}

/** Whether two requests ask for the same. */
export const isSameRequest = (one: object, other: object): boolean => sorted(one) === sorted(other)

const sorted = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
