// What an account did and got, newest first: the node names its transactions by pages, what they are is read from their bytes.

import { type Abi, decodeEventLog, decodeFunctionData, encodeEventTopics } from 'viem'
import abi from '../../../../dfsn-types/abi/IDfsn.json'
import { toDfsn } from './address'
import { SYSTEM } from './calls'
import { jobOf } from './hash'
import { rpc, rpcEach } from './rpc'
import type { Address, Hash, Hex, JobInfo, Pair, Receipt } from './types'

/** What happened, by the interface's name of the function; `other` where this page is older than the network. */
export type Deed =
  | 'received'
  | 'sent'
  | 'generationRequest'
  | 'testHardware'
  | 'requestAudit'
  | 'stake'
  | 'unstake'
  | 'registerCompute'
  | 'unjail'
  | 'changeOwner'
  | 'receipt'
  | 'cancelRequest'
  | 'registerModel'
  | 'removeModel'
  | 'pauseJobs'
  | 'releaseHolds'
  | 'other'

export interface Entry {
  id: Hash
  height: number
  timestamp: number
  deed: Deed
  /** The other side of a transfer. */
  other: Address | null
  /** What the account gained; negative what it gave. Neither fee nor what came back is in it. */
  moved: bigint
  /** Came back from a request, a test or an audit. */
  back: bigint
  /** What this account paid for the transaction. */
  fee: bigint
  /** How much an unstaking is about. */
  amount: bigint | null
  /** The rule that it failed by: nothing but the fee was spent. */
  failed: string | null
  /** The job that it opened or is about. */
  about: Hash | null
  /** What a test was of. */
  pair: Pair | null
  /** What it asked for or is about, as long as the chain keeps it. */
  job: JobInfo | null
}

export interface Place {
  height: number
  index: number
}

export interface Page {
  entries: Entry[]
  /** Before which the older ones begin. */
  next: Place | null
}

const PAGE = 20

interface Transaction {
  from: Hex
  to: Hex | null
  value: Hex
  input: Hex
  blockTimestamp?: Hex
}

/** A transaction in a block never changes, so it is asked for once. */
interface Told {
  transaction: Transaction
  height: number
  timestamp: number
  receipt: Receipt
}
const told = new Map<Hash, Told>()
const TOLD_MAX = 2_000

/** A page of the transactions that an account sent, and of the transfers to it. */
export async function history(address: Address, before: Place | null): Promise<Page> {
  const page = await rpc<{ entries: { id: Hash }[]; next: Place | null }>('dfsn_getHistory', [{ address, before, limit: PAGE }])
  const ids = page.entries.map(({ id }) => id)
  await learn(ids)
  const known = ids.flatMap((id) => {
    const found = told.get(id)
    return found ? [read(address, id, found)] : []
  })
  return { entries: await withJobs(known), next: page.next }
}

async function learn(ids: Hash[]): Promise<void> {
  const missing = ids.filter((id) => !told.has(id)).map((id) => [id])
  const [transactions, receipts] = await Promise.all([
    rpcEach<Transaction | null>('eth_getTransactionByHash', missing.map(([id]) => [`0x${id}`]), '/eth'),
    rpcEach<{ height: number; receipt: Receipt } | null>('dfsn_getReceipt', missing),
  ])
  if (told.size > TOLD_MAX) told.clear()
  missing.forEach(([id], place) => {
    const [transaction, found] = [transactions[place], receipts[place]]
    if (!id || !transaction || !found) return
    const timestamp = Number(transaction.blockTimestamp ?? 0) * 1_000
    told.set(id, { transaction, timestamp, height: found.height, receipt: found.receipt })
  })
}

function read(address: Address, id: Hash, { transaction, height, timestamp, receipt }: Told): Entry {
  const from = toDfsn(transaction.from)
  const isOwn = from === address
  const failed = receipt.status === 'succeeded' ? null : receipt.status.failed.rule
  const value = failed === null ? BigInt(transaction.value) : 0n
  const fee = isOwn ? BigInt(receipt.fee) : 0n
  const entry = { id, height, timestamp, fee, failed, back: 0n, amount: null, about: null, pair: null, job: null }
  if (transaction.to?.toLowerCase() !== SYSTEM) {
    const to = transaction.to && toDfsn(transaction.to)
    // Whoever sends to itself gains nothing.
    return isOwn
      ? { ...entry, deed: 'sent', other: to, moved: to === address ? 0n : -value }
      : { ...entry, deed: 'received', other: from, moved: value }
  }
  const { name, args } = call(transaction.input)
  const [first, second] = args
  return {
    ...entry,
    deed: name,
    other: name === 'changeOwner' ? toDfsn(first as Hex) : null,
    moved: -value,
    about: opens(name) ? (failed === null ? jobOf(id) : null) : isAbout(name) ? plain(first as Hex) : null,
    amount: name === 'unstake' ? (first as bigint) : null,
    pair: name === 'testHardware' ? { model: plain(first as Hex), profile: plain(second as Hex) } : null,
  }
}

/** Whether it opens a job. */
export const opens = (deed: Deed): boolean => deed === 'generationRequest' || deed === 'testHardware'
const isAbout = (deed: Deed): boolean => deed === 'receipt' || deed === 'cancelRequest' || deed === 'requestAudit'

/** As this chain writes a hash. */
const plain = (hash: Hex): Hash => hash.slice(2)

/** The arguments are of the interface's types where the name is known. */
function call(data: Hex): { name: Deed; args: readonly unknown[] } {
  try {
    const { functionName, args } = decodeFunctionData({ abi: abi as Abi, data })
    return { name: functionName as Deed, args: args ?? [] }
  } catch {
    return { name: 'other', args: [] }
  }
}

/** What became of jobs, and how much of the price of requests and tests came back. */
async function withJobs(entries: Entry[]): Promise<Entry[]> {
  const opened = entries.filter(({ deed, about }) => about !== null && opens(deed))
  const jobs = [...new Set(entries.flatMap(({ about }) => about ?? []))]
  const [answers, ends] = await Promise.all([
    rpcEach<{ answer: JobInfo | null }>('dfsn_getJob', jobs.map((job) => [job])),
    cameBack(opened.flatMap(({ about }) => about ?? []), Math.min(...opened.map(({ height }) => height))),
  ])
  const found = new Map(jobs.map((job, place) => [job, answers[place]?.answer ?? null]))
  return entries.map((entry) => {
    if (entry.about === null) return entry
    const job = found.get(entry.about) ?? null
    if (!opens(entry.deed)) return { ...entry, job }
    const ended = ends.get(entry.about)
    // The price of a native request stands in its job, not in its bytes.
    const isNative = entry.moved === 0n && entry.deed === 'generationRequest'
    const moved = isNative && job ? -BigInt(job.price) : entry.moved
    const left = ended?.auditorsPaid != null && entry.deed === 'testHardware' ? -moved - ended.auditorsPaid : 0n
    return { ...entry, job, moved, back: ended?.refund ?? left }
  })
}

interface EndLog {
  eventName: string
  args: { job: Hex; amount?: bigint; auditorsPaid?: bigint }
}

interface Ended {
  refund: bigint | null
  auditorsPaid: bigint | null
}

const topic = (eventName: string): Hex => (encodeEventTopics({ abi: abi as Abi, eventName }) as [Hex])[0]

/** How jobs ended, as the logs say. */
async function cameBack(jobs: Hash[], since: number): Promise<Map<Hash, Ended>> {
  const ended = new Map<Hash, Ended>()
  if (jobs.length === 0) return ended
  const filter = {
    address: SYSTEM,
    fromBlock: `0x${since.toString(16)}`,
    topics: [['JobRefunded', 'JobSettled'].map(topic), jobs.map((job) => `0x${job}`)],
  }
  const logs = await rpc<{ topics: [Hex, ...Hex[]]; data: Hex }[]>('eth_getLogs', [filter], '/eth')
  for (const log of logs) {
    const { eventName, args } = decodeEventLog({ abi: abi as Abi, ...log }) as unknown as EndLog
    const job = plain(args.job)
    const last = ended.get(job) ?? { refund: null, auditorsPaid: null }
    ended.set(job, eventName === 'JobRefunded' ? { ...last, refund: args.amount ?? 0n } : { ...last, auditorsPaid: args.auditorsPaid ?? 0n })
  }
  return ended
}
