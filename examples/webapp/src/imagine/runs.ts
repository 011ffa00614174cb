// Requests of this browser: kept, so that a page that was closed goes on where it was.

import { requestPicture } from '../chain/calls'
import { jobOf } from '../chain/hash'
import { keptStore } from '../chain/store'
import type { Address, GenerationParams, Hash, Quote } from '../chain/types'
import { unlist, unlistText } from '../chain/web'
import { toDfsn } from '../chain/address'
import { receipt, send, SendError } from '../wallet/send'
import type { Signer } from '../wallet/signer'

export interface Run {
  job: Hash
  transaction: Hash
  requester: Address
  params: GenerationParams
  price: string
  at: number
  /** The block of the request, once there is one. */
  height: number | null
  /** Why no job came of it. */
  failed: string | null
  /** Nothing more will happen. */
  over: boolean
  /** The requester's signature that it is not to be listed, until the node has it. */
  unlist: string | null
}

const RUNS_MAX = 40

const isRun = (value: unknown): value is Run => {
  const run = value as Partial<Run> | null
  return (
    typeof run === 'object' &&
    run !== null &&
    /^[0-9a-f]{64}$/.test(String(run.job)) &&
    typeof run.requester === 'string' &&
    typeof run.at === 'number' &&
    typeof run.price === 'string' &&
    typeof run.params?.size?.width === 'number'
  )
}

export const runs = keptStore<Run[]>('dfsn.runs', [], (value) => (Array.isArray(value) ? value.filter(isRun) : null))

const update = (job: Hash, part: Partial<Run>): void =>
  runs.set((all) => all.map((run) => (run.job === job ? { ...run, ...part } : run)))

export const finish = (job: Hash): void => {
  if (runs.get().some((run) => run.job === job && !run.over)) update(job, { over: true })
}

export const forget = (job: Hash): void => runs.set((all) => all.filter((run) => run.job !== job))

/** The first block that an open request of before may have had something told in. */
export function openSince(): number | null {
  const heights = runs.get().flatMap((run) => (run.over || run.height === null ? [] : [run.height]))
  return heights.length > 0 ? Math.min(...heights) : null
}

/** How long a request waits for its last attempt to begin. */
const EXPIRES_MS = 300_000

/** Asks for pictures: signed and sent when it resolves, in a block or failed soon after. */
export async function request(signer: Signer, params: GenerationParams, quote: Quote, unlisted: boolean): Promise<Run> {
  const price = BigInt(quote.price)
  const call = requestPicture(params, BigInt(quote.price_per_unit), price, EXPIRES_MS, !quote.audited)
  const transaction = await send(signer, call)
  const job = jobOf(transaction)
  const requester = toDfsn(signer.address)
  const run: Run = {
    job,
    transaction,
    requester,
    params,
    price: quote.price,
    at: Date.now(),
    height: null,
    failed: null,
    over: false,
    unlist: null,
  }
  runs.set((all) => [run, ...all].slice(0, RUNS_MAX))
  if (unlisted) update(job, { unlist: await signer.sign(unlistText(job)) })
  void watch(run)
  return run
}

/** Follows a request into its block. */
export async function watch({ job, transaction }: Run): Promise<void> {
  try {
    const { height } = await receipt(transaction)
    update(job, { height })
    await hide(job)
  } catch (error) {
    const failed = error instanceof SendError && error.kind === 'failed'
    if (failed) update(job, { failed: (error as Error).message, over: true })
  }
}

/** The gallery may read a block a moment after the chain has it. */
const HIDE_PAUSES_MS = [200, 500, 1_000, 2_000, 5_000]

async function hide(job: Hash): Promise<void> {
  for (const pause of HIDE_PAUSES_MS) {
    const signature = runs.get().find((run) => run.job === job)?.unlist
    if (!signature) return
    await new Promise((done) => setTimeout(done, pause))
    const isDone = await unlist(job, signature).then(
      () => true,
      () => false,
    )
    if (isDone) return update(job, { unlist: null })
  }
}

/** Takes up what was open when the page was closed. */
export function resumeRuns(): void {
  for (const run of runs.get()) {
    if (!run.over && run.height === null) void watch(run)
    else if (run.unlist) void hide(run.job)
  }
}
