import { useStore } from '../chain/store'
import { Composer } from '../imagine/composer'
import { RunCard } from '../imagine/run-card'
import { runs } from '../imagine/runs'
import { Empty, PageHead } from '../ui/parts'

export default function Imagine() {
  const mine = useStore(runs)
  return (
    <>
      <PageHead title="Imagine">
        <p>
          Say what you want to see. A computer of this network draws it within five minutes, others check how, and you pay
          only for pictures that arrive.
        </p>
      </PageHead>
      <Composer />
      <section className="runs" aria-label="Your requests">
        {mine.length === 0 ? (
          <Empty title="Nothing asked for yet">
            <p>What you ask for appears here as it is drawn, and stays until you remove it.</p>
          </Empty>
        ) : (
          mine.map((run) => <RunCard key={run.job} run={run} />)
        )}
      </section>
    </>
  )
}
