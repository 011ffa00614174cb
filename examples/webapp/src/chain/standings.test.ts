import { expect, it } from 'vitest'
import { fold } from './standings'
import type { BlockInfo, ChainEvent } from './types'

const block = (height: number, ...events: ChainEvent[]): BlockInfo => ({
  hash: '',
  header: { header: { height, timestamp: 1_000 * height, parent: '' } },
  duties: 0,
  data: 0,
  transactions: [],
  receipts: [],
  events,
})

it('sums what blocks tell', () => {
  const recent = fold([
    block(1, { job_requested: { job: 'a' } }, { job_committed: { job: 'seen before' } }),
    block(4, { job_committed: { job: 'a' } }),
    block(5, { job_settled: { job: 'a', worker: 'w', worker_paid: '7' } }, { slashed: { job: 'b', validator: 'v', amount: '3', fault: 'silence' } }),
    block(6, { job_settled: { job: 'c', worker: 'w', worker_paid: '5' } }, 'jobs_resumed'),
  ])
  expect(recent.standings).toEqual({ w: { earned: 12n, faults: 0 }, v: { earned: 0n, faults: 1 } })
  expect(recent.times).toEqual([3_000])
  expect(recent.slashes).toHaveLength(1)
  expect([recent.settled, recent.refunded, recent.blocks]).toEqual([2, 0, 4])
})
