// The hardware test that runs, or the last one.

import { jobLive } from '../chain/jobs'
import { useJobs } from '../chain/queries'
import { useStore } from '../chain/store'
import type { JobInfo, Pair } from '../chain/types'
import { drawn, standing } from '../imagine/progress'
import { Pill } from '../ui/parts'
import { Timeline } from '../ui/timeline'

export function TestStatus({ owner, pair }: { owner: string; pair: Pair }) {
  const { data } = useJobs(owner)
  const tests = (data ?? []).filter(({ requester, params }) => requester === owner && params.model === pair.model)
  const running = tests.find(({ worker, requester }) => worker === null || worker === requester)
  return running ? <Status job={running} /> : null
}

function Status({ job }: { job: JobInfo }) {
  const live = useStore(jobLive(job.id))
  const now = standing(job, live, null)
  const [step, steps] = live.progress[0] ?? [0, job.params.num_inference_steps]
  return (
    <div className="stack" role="status">
      <div className="row">
        <Pill tone={now.tone}>{now.label}</Pill>
        {job.status === 'accepted' && (
          <span className="small num">
            Step {step} of {steps}
          </span>
        )}
      </div>
      {!now.isOver && <progress className="progress" value={0.05 + 0.9 * (job.commitment ? 1 : drawn(live, 1))} max={1} aria-label="Hardware test" />}
      <Timeline entries={live.timeline} />
    </div>
  )
}
