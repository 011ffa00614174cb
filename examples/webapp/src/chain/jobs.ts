// Jobs as they go: what blocks and workers tell, folded into one view a job.

import { rpc } from './rpc'
import { type Store, store } from './store'
import { type BlockInfo, type ChainEvent, type EventFields, eventOf, type Hash, type Notification } from './types'

export interface TimelineEntry {
  height: number
  name: string
  fields: EventFields
}

export interface JobLive {
  attempt: number
  timeline: TimelineEntry[]
  /** By image: steps done, and in all. */
  progress: Record<number, [number, number]>
  /** By image: the latest rough picture. */
  previews: Record<number, Hash>
  /** When the worker has to have committed, in this browser's time. */
  deadline: number | null
}

/** Jobs remembered; the oldest go. */
const JOBS_MAX = 256
const TIMELINE_MAX = 256

const jobs = new Map<Hash, Store<JobLive>>()

/** What is known of a job; empty until something is told. */
export function jobLive(id: Hash): Store<JobLive> {
  let live = jobs.get(id)
  if (!live) {
    live = store<JobLive>({ attempt: 1, timeline: [], progress: {}, previews: {}, deadline: null })
    jobs.set(id, live)
    const oldest = jobs.keys().next()
    if (jobs.size > JOBS_MAX && !oldest.done) jobs.delete(oldest.value)
  }
  return live
}

export function take(notification: Notification): void {
  if (notification.kind === 'block') {
    for (const event of notification.events) takeEvent(notification.height, event)
    return
  }
  const { job, image, attempt } = notification
  jobLive(job).set((last) => {
    if (attempt < last.attempt) return last
    const live = attempt > last.attempt ? { ...last, attempt, progress: {}, previews: {} } : last
    return notification.kind === 'progress'
      ? { ...live, progress: { ...live.progress, [image]: [notification.step, notification.steps] } }
      : { ...live, previews: { ...live.previews, [image]: notification.file } }
  })
}

export function takeEvent(height: number, event: ChainEvent): void {
  const [name, fields] = eventOf(event)
  const job = fields.job
  if (!job) return
  const live = jobLive(job)
  live.set((last) => {
    const text = JSON.stringify(fields)
    const isKnown = last.timeline.some(
      (entry) => entry.height === height && entry.name === name && JSON.stringify(entry.fields) === text,
    )
    if (isKnown || last.timeline.length >= TIMELINE_MAX) return last
    const timeline = [...last.timeline, { height, name, fields }].sort((a, b) => a.height - b.height)
    const attempt = Math.max(last.attempt, fields.attempt ?? 1)
    const { progress, previews } = attempt > last.attempt ? { progress: {}, previews: {} } : last
    const isOver = name === 'job_committed' || name === 'attempt_failed' || name === 'job_refunded'
    return { ...last, timeline, attempt, progress, previews, deadline: isOver ? null : last.deadline }
  })
  if (name === 'job_accepted') void time(live, height, fields.attempt ?? 1)
}

/** Five minutes begin with the block of the acceptance. */
async function time(live: Store<JobLive>, height: number, attempt: number): Promise<void> {
  const [block, network] = await Promise.all([
    rpc<BlockInfo | null>('dfsn_getBlock', [height]),
    rpc<{ params: { windows: { deadline_ms: number } } }>('dfsn_network'),
  ]).catch(() => [null, null] as const)
  if (!block || !network) return
  const deadline = block.header.header.timestamp + network.params.windows.deadline_ms
  const isOver = ({ name, fields }: TimelineEntry) =>
    (name === 'job_committed' || name === 'attempt_failed') && fields.attempt === attempt
  live.set((last) => (last.timeline.some(isOver) ? last : { ...last, deadline }))
}
