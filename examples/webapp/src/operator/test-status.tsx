// The hardware test that runs, or the last one.

import { useQuery } from '@tanstack/react-query'
import { formatAmount } from '../chain/amount'
import { useEvents } from '../chain/events'
import { type Entry, history } from '../chain/history'
import { jobLive, type JobLive } from '../chain/jobs'
import { useStore } from '../chain/store'
import { isRefunded, type JobInfo, type Pair } from '../chain/types'
import { drawn, money, standing } from '../imagine/progress'
import { Notice, Pill } from '../ui/parts'
import { Timeline } from '../ui/timeline'

/** `owner` is who asks for tests. */
export function TestStatus({ owner, pair }: { owner: string; pair: Pair }) {
  const { data } = useQuery({ queryKey: ['account', 'tests', owner], queryFn: () => history(owner, null) })
  // The newest comes first.
  const test = data?.entries.find(({ job, pair: of }) => job && of?.model === pair.model && of.profile === pair.profile)
  return test?.job ? <Status key={test.id} test={test} job={test.job} /> : null
}

function Status({ test, job }: { test: Entry; job: JobInfo }) {
  useEvents(job.id)
  const live = useStore(jobLive(job.id))
  const now = standing(job, live, null)
  const [step, steps] = live.progress[0] ?? [0, job.params.num_inference_steps]
  const isUntested = isRefunded(job.status) && job.status.refunded === 'untested'
  return (
    <div className="stack" role="status">
      <div className="row">
        <Pill tone={now.tone}>{isUntested ? 'Untested' : job.status === 'settled' ? 'Passed' : now.label}</Pill>
        {job.status === 'accepted' && (
          <span className="small num">
            Step {step} of {steps}
          </span>
        )}
      </div>
      {isUntested && <Notice tone="warn">{untested(live, test)}</Notice>}
      {job.status === 'test_failed' && <Notice tone="bad">{`${now.text} ${money(job, live)}`}</Notice>}
      {!now.isOver && <progress className="progress" value={0.05 + 0.9 * (job.commitment ? 1 : drawn(live, 1))} max={1} aria-label="Hardware test" />}
      <Timeline entries={live.timeline} />
    </div>
  )
}

/** Why a test ended as if it had never been, and what it cost. */
function untested(live: JobLive, { moved, back }: Entry): string {
  const claims = live.timeline.filter(({ name }) => name === 'audit_claimed').length
  const why =
    claims === 0
      ? 'Nobody came to check it.'
      : claims === 1
        ? 'Only one validator came to check it, and a test needs two.'
        : 'Too few of those who came to check it answered right and in time; a test needs two.'
  const deposit = formatAmount(-moved, 4, true)
  const cost =
    back === -moved
      ? `All of the deposit of ${deposit} DFSN came back.`
      : `${formatAmount(back)} of the deposit of ${deposit} DFSN came back, the rest went to who checked.`
  return `${why} ${cost} Who checks is drawn by chance, so this says nothing about your hardware: test again.`
}
