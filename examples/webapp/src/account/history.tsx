// What an account did and got, newest first.

import { useInfiniteQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { Link } from 'wouter'
import { formatAmount } from '../chain/amount'
import { type Deed, type Entry, history, opens, type Place } from '../chain/history'
import { isRefunded, type JobInfo } from '../chain/types'
import { ChipIcon, InIcon, OutIcon, PulseIcon, SparkIcon } from '../ui/icons'
import { Ago, Dfsn, Failure, Hash, Pill, Skeleton, type Tone } from '../ui/parts'
import { explainRule } from '../wallet/rules'

export function History({ address }: { address: string }) {
  const pages = useInfiniteQuery({
    queryKey: ['account', 'history', address],
    queryFn: ({ pageParam }) => history(address, pageParam),
    initialPageParam: null as Place | null,
    getNextPageParam: (last) => last.next,
  })
  const entries = pages.data?.pages.flatMap((page) => page.entries) ?? []
  return (
    <section className="card stack" aria-labelledby="history">
      <h2 id="history">History</h2>
      {pages.isError && entries.length === 0 ? (
        <Failure error={pages.error} retry={() => void pages.refetch()} />
      ) : pages.isPending ? (
        <Skeleton height="18rem" label="Reading the history" />
      ) : entries.length === 0 ? (
        <p className="muted">
          Nothing yet. Coins that you get, send or spend are listed here. <Link href="/">Imagine something</Link>.
        </p>
      ) : (
        <ol className="moves">
          {entries.map((entry) => (
            <Move key={entry.id} entry={entry} />
          ))}
        </ol>
      )}
      {pages.isFetchNextPageError && <Failure error={pages.error} />}
      {pages.hasNextPage && (
        <button type="button" className="button" disabled={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>
          {pages.isFetchingNextPage ? 'Reading…' : 'Older'}
        </button>
      )}
    </section>
  )
}

function Move({ entry }: { entry: Entry }) {
  const { deed, height, timestamp, fee, failed, job, moved, back } = entry
  return (
    <li>
      <span className={`mark ${failed ? 'bad' : moved > 0n ? 'good' : ''}`}>{mark(deed)}</span>
      <div className="what">
        <div className="row">
          <span className="name">{title(entry)}</span>
          {failed ? <Pill tone="bad">failed</Pill> : job && opens(deed) && <State job={job} />}
        </div>
        <p className="small muted">
          <Ago at={timestamp} /> · block <span className="num">{height}</span>
          {fee > 0n && (
            <>
              {' '}
              · fee <Dfsn amount={fee} />
            </>
          )}
        </p>
        {failed && <p className="small">{explainRule(failed)} Only the fee was spent.</p>}
      </div>
      <div className="amount">
        {moved !== 0n && <Signed amount={moved} />}
        {back > 0n && (
          <span className="small tone-good">
            <Signed amount={back} /> came back
          </span>
        )}
      </div>
    </li>
  )
}

const Signed = ({ amount }: { amount: bigint }) => (
  <span className={`num ${amount > 0n ? 'tone-good' : ''}`}>
    {amount > 0n && '+'}
    {formatAmount(amount, 4, amount < 0n)} DFSN
  </span>
)

function mark(deed: Deed): ReactNode {
  if (deed === 'received') return <InIcon />
  if (deed === 'sent') return <OutIcon />
  if (deed === 'generationRequest' || deed === 'receipt' || deed === 'cancelRequest' || deed === 'requestAudit') return <SparkIcon />
  return deed === 'other' ? <PulseIcon /> : <ChipIcon />
}

const TITLES: Record<Deed, string> = {
  received: 'Received',
  sent: 'Sent',
  generationRequest: 'Asked for a picture',
  testHardware: 'Tested the hardware',
  requestAudit: 'Asked for another audit',
  stake: 'Staked',
  unstake: 'Unstaked',
  registerCompute: 'Registered compute',
  unjail: 'Left jail',
  changeOwner: 'Gave the validator to another account',
  receipt: 'Confirmed the delivery',
  cancelRequest: 'Took a request back',
  registerModel: 'Registered a model',
  removeModel: 'Removed a model',
  pauseJobs: 'Voted about a pause of jobs',
  releaseHolds: 'Voted about held penalties',
  other: 'Called the network',
}

function title({ deed, other, job, amount }: Entry): ReactNode {
  if (job && deed !== 'testHardware') {
    const link = (
      <Link href={`/p/${job.id}/1`} state={{ moved: true }}>
        {job.params.prompt.slice(0, 80) || 'Without a prompt'}
      </Link>
    )
    if (deed === 'generationRequest') return link
    return (
      <>
        {TITLES[deed]}: {link}
      </>
    )
  }
  if (deed === 'unstake' && amount !== null) return `${TITLES.unstake} ${formatAmount(amount, 2)} DFSN`
  if (!other) return TITLES[deed]
  return (
    <>
      {TITLES[deed]} {deed === 'received' ? 'from' : 'to'} <Hash value={other} what="address" />
    </>
  )
}

function State({ job: { status } }: { job: JobInfo }) {
  if (isRefunded(status)) return <Pill tone="warn">{status.refunded === 'untested' ? 'untested' : 'refunded'}</Pill>
  const tone: Tone = status === 'settled' ? 'good' : status === 'test_failed' ? 'bad' : status === 'undecided' ? 'warn' : 'live'
  return <Pill tone={tone}>{status.replaceAll('_', ' ')}</Pill>
}
