// What validators earned and which faults they were caught in, over the latest blocks: a node keeps no such sums.

import { useQuery } from '@tanstack/react-query'
import { rpc } from './rpc'
import { type BlockInfo, eventOf, type EventFields } from './types'

export interface Standing {
  /** As worker, in base units. */
  earned: bigint
  faults: number
}

export interface Slash {
  height: number
  timestamp: number
  fields: EventFields
}

export interface Recent {
  standings: Record<string, Standing>
  slashes: Slash[]
  settled: number
  refunded: number
  /** Milliseconds from request to result, of jobs that were seen from their beginning. */
  times: number[]
  blocks: number
}

/** Calls of 32 blocks each. */
const PAGES = 16
const PAGE = 32

async function read(): Promise<Recent> {
  const { height } = await rpc<{ height: number }>('dfsn_syncing')
  const first = Math.max(1, height - PAGES * PAGE + 1)
  const starts = Array.from({ length: Math.ceil((height - first + 1) / PAGE) }, (_, page) => first + page * PAGE)
  const pages = await Promise.all(starts.map((start) => rpc<BlockInfo[]>('dfsn_getBlocks', [start])))
  return fold(pages.flat())
}

export function fold(blocks: BlockInfo[]): Recent {
  const recent: Recent = { standings: {}, slashes: [], settled: 0, refunded: 0, times: [], blocks: blocks.length }
  const since = new Map<string, number>()
  const of = (address: string | undefined): Standing => {
    const name = address ?? ''
    recent.standings[name] ??= { earned: 0n, faults: 0 }
    return recent.standings[name]
  }
  for (const { header, events } of blocks) {
    const { height, timestamp } = header.header
    for (const event of events) {
      const [name, fields] = eventOf(event)
      const job = fields.job ?? ''
      if (name === 'job_requested') since.set(job, timestamp)
      if (name === 'job_committed' && since.has(job)) recent.times.push(timestamp - (since.get(job) ?? timestamp))
      if (name === 'job_refunded') recent.refunded += 1
      if (name === 'job_settled') {
        recent.settled += 1
        of(fields.worker).earned += BigInt(fields.worker_paid ?? 0)
      }
      if (name === 'slashed') {
        of(fields.validator).faults += 1
        recent.slashes.push({ height, timestamp, fields })
      }
    }
  }
  return recent
}

export const useRecent = () => useQuery({ queryKey: ['jobs', 'recent'], queryFn: read, staleTime: 20_000 })

export const useStandings = (): Record<string, Standing> => useRecent().data?.standings ?? {}
