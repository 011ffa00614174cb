// What blocks told of a job before this page was open.

import { useQuery } from '@tanstack/react-query'
import { takeEvent } from './jobs'
import { rpc } from './rpc'
import { type BlockInfo, eventOf, type Hash } from './types'
import { type JobHistory, useJobHistory } from './web'

/** Reads them into the job's timeline. Gives where the chain tells of it. */
export function useEvents(job: Hash): JobHistory | null {
  const { data: history = null } = useJobHistory(job)
  useQuery({
    queryKey: ['job', job, 'events', history?.heights.length],
    queryFn: async () => {
      const blocks = await Promise.all(
        (history?.heights ?? []).map((height) => rpc<BlockInfo | null>('dfsn_getBlock', [height])),
      )
      for (const block of blocks) {
        for (const event of block?.events ?? []) {
          if (block && eventOf(event)[1].job === job) takeEvent(block.header.header.height, event)
        }
      }
      return true
    },
    enabled: history !== null,
    staleTime: Number.POSITIVE_INFINITY,
  })
  return history
}
