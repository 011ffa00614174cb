// A job in words: where it stands, how far it is, and where the money is.

import { formatAmount } from '../chain/amount'
import type { JobLive } from '../chain/jobs'
import { isRefunded, type JobInfo, type RefundReason } from '../chain/types'
import type { Tone } from '../ui/parts'

export interface Standing {
  label: string
  tone: Tone
  /** What happens now, in a sentence. */
  text: string
  /** 0 to 1. */
  done: number
  isOver: boolean
}

const REFUNDS: Record<RefundReason, string> = {
  expired: 'No worker accepted it in time.',
  pushed_out: 'Requests that pay more took its place in a full queue.',
  attempts_failed: 'Every worker that accepted it missed its five minutes.',
  undelivered: 'The pictures were drawn but could not be fetched.',
  untested: 'Too few auditors could check it.',
  cancelled: 'You took it back.',
  overturned: 'The audit that you asked for found it wrong.',
  failed: 'Its numbers got too large, on every machine: try another seed or a lower guidance. The auditors were paid.',
}

/** How much of a job's pictures is drawn, from 0 to 1. */
export function drawn(live: JobLive, images: number): number {
  let done = 0
  for (let image = 0; image < images; image++) {
    const [step, steps] = live.progress[image] ?? [0, 1]
    done += Math.min(1, step / Math.max(1, steps))
  }
  return done / images
}

const has = (live: JobLive, name: string): boolean => live.timeline.some((entry) => entry.name === name)
const count = (live: JobLive, name: string): number => live.timeline.filter((entry) => entry.name === name).length

export function standing(job: JobInfo | null | undefined, live: JobLive, ahead: number | null): Standing {
  if (!job) return { label: 'Sending', tone: 'live', text: 'Waiting for a block to take the request.', done: 0, isOver: false }
  const { status } = job
  if (isRefunded(status)) {
    return { label: 'Refunded', tone: 'warn', text: REFUNDS[status.refunded], done: 0, isOver: true }
  }
  const retry = job.attempt > 1 ? `The worker before missed its deadline; this is attempt ${job.attempt}. ` : ''
  switch (status) {
    case 'pending': {
      const queue = ahead === null || ahead === 0 ? 'It is next in the queue.' : `${ahead} ${ahead === 1 ? 'request is' : 'requests are'} ahead in the queue.`
      return { label: 'In the queue', tone: 'live', text: retry + queue, done: 0.02, isOver: false }
    }
    case 'drawn':
      return { label: 'Assigned', tone: 'live', text: `${retry}A worker was drawn and may accept.`, done: 0.05, isOver: false }
    case 'accepted': {
      const share = drawn(live, job.params.num_images)
      return { label: 'Drawing', tone: 'live', text: `${retry}The worker draws.`, done: 0.05 + 0.75 * share, isOver: false }
    }
    case 'audited': {
      const claimed = count(live, 'audit_claimed')
      const answered = count(live, 'audit_answered')
      const text = has(live, 'audit_opened')
        ? 'The auditors’ answers agree with the worker’s.'
        : claimed > 0
          ? `${claimed} ${claimed === 1 ? 'auditor redoes' : 'auditors redo'} single steps; ${answered} answered.`
          : 'The picture is there. Auditors may now show themselves.'
      return { label: 'Being checked', tone: 'live', text, done: 0.85, isOver: false }
    }
    case 'contested':
      return { label: 'Disputed', tone: 'warn', text: 'Worker and auditor disagree; the network computes who is right.', done: 0.88, isOver: false }
    case 'delivering':
      return { label: 'Delivered?', tone: 'live', text: 'Checked. The network waits for the word that the pictures have arrived.', done: 0.95, isOver: false }
    case 'settled':
      return { label: 'Settled', tone: 'good', text: 'Drawn, checked and paid.', done: 1, isOver: true }
    case 'undecided':
      return { label: 'Undecided', tone: 'warn', text: 'The jury found no majority.', done: 1, isOver: true }
    case 'test_failed':
      return { label: 'Test failed', tone: 'bad', text: 'The hardware test was not passed.', done: 1, isOver: true }
  }
}

/** Where the price is now. */
export function money(job: JobInfo, live: JobLive): string {
  const price = `${formatAmount(job.price, 4, true)} DFSN`
  const { status } = job
  if (isRefunded(status)) {
    if (status.refunded === 'cancelled' || status.refunded === 'expired') {
      return `${price} came back to you, less a small fee for the place in the queue.`
    }
    return `All of the ${price} came back to you. Only the network fee is spent.`
  }
  const settled = live.timeline.find(({ name }) => name === 'job_settled')?.fields
  if (status === 'settled') {
    if (!settled?.worker_paid) return `${price} was paid to the worker, the auditors and the builder.`
    const paid = formatAmount(settled.worker_paid)
    const audits = formatAmount(settled.auditors_paid ?? '0')
    return `${price}: ${paid} to the worker, ${audits} to its auditors, the rest to the builder and burned.`
  }
  if (status === 'undecided') return `Half of the ${price} went to the worker, half was burned.`
  if (status === 'test_failed') return 'What was left of the deposit was burned.'
  return `${price} is held by the network. If no picture comes in time, it comes back by itself.`
}
