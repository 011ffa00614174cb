import type { ReactNode } from 'react'
import { useBlocks, useNetwork, useOpenJobs, useValidators } from '../chain/queries'
import { eventOf } from '../chain/types'
import { useTip } from '../chain/tip'
import { useRecent } from '../chain/standings'
import { Ago, Dfsn, Failure, Hash, PageHead, Skeleton } from '../ui/parts'

export default function Network() {
  const network = useNetwork()
  const tip = useTip()
  const blocks = useBlocks(tip ?? network.data?.height)
  const { data: validators } = useValidators()
  const { data: open } = useOpenJobs()
  const { data: recent } = useRecent()
  if (network.isError && !network.data) return <Failure error={network.error} retry={() => void network.refetch()} />
  return (
    <>
      <PageHead title="Network">
        <p>What this node sees: blocks, jobs and who was caught.</p>
      </PageHead>
      <dl className="tiles four">
        <Tile name="Block" value={(tip ?? network.data?.height)?.toLocaleString('en')} />
        <Tile name="Open jobs" value={open?.length.toString()} />
        <Tile name="Settled lately" value={recent?.settled.toLocaleString('en')} />
        <Tile name="Refunded lately" value={recent?.refunded.toLocaleString('en')} />
        <Tile name="Request to picture" value={recent && (recent.times.length > 0 ? `${(median(recent.times) / 1_000).toFixed(1)} s` : '–')} />
        <Tile name="Validators" value={validators?.length.toString()} />
        <Tile name="Base fee" value={network.data && `${Number(network.data.base_fee_per_gas) / 1e9} gwei`} />
        <Tile
          name="Staked"
          value={validators && <Dfsn amount={validators.reduce((sum, { stake }) => sum + BigInt(stake), 0n)} digits={0} />}
        />
      </dl>
      <section style={{ marginTop: 'var(--s5)' }}>
        <h2>Caught lately</h2>
        {!recent ? (
          <Skeleton height="1.55rem" label="Reading the latest blocks" />
        ) : recent.slashes.length === 0 ? (
          <p className="muted">Nobody was slashed in the last {recent.blocks} blocks.</p>
        ) : (
          <ul className="timeline">
            {recent.slashes.map(({ height, timestamp, fields }) => (
              <li key={`${height}-${fields.validator}-${fields.job}`} data-tone="bad">
                <span>
                  <Hash value={fields.validator ?? ''} what="validator" head={9} tail={4} /> lost <Dfsn amount={fields.amount ?? '0'} digits={2} />:{' '}
                  {fields.fault?.replaceAll('_', ' ')}
                </span>
                <span className="muted">
                  <Ago at={timestamp} />
                </span>
              </li>
            ))}
          </ul>
        )}
      </section>
      <section style={{ marginTop: 'var(--s5)' }}>
        <h2>Latest blocks</h2>
        {blocks.isError && !blocks.data ? (
          <Failure error={blocks.error} retry={() => void blocks.refetch()} />
        ) : !blocks.data ? (
          <Skeleton height="24rem" label="Reading blocks" />
        ) : (
          <div className="scroll" tabIndex={0} role="region" aria-label="Latest blocks">
            <table className="table">
              <thead>
                <tr>
                  <th scope="col">Height</th>
                  <th scope="col">Time</th>
                  <th scope="col">Hash</th>
                  <th scope="col">Transactions</th>
                  <th scope="col">Duties</th>
                  <th scope="col">What happened</th>
                </tr>
              </thead>
              <tbody>
                {[...blocks.data].reverse().map((block) => (
                  <tr key={block.hash}>
                    <td className="num">{block.header.header.height}</td>
                    <td>
                      <Ago at={block.header.header.timestamp} />
                    </td>
                    <td>
                      <Hash value={block.hash} what="block hash" head={8} tail={4} />
                    </td>
                    <td className="num">{block.transactions.length}</td>
                    <td className="num">{block.duties}</td>
                    <td className="long">{block.events.map((event) => eventOf(event)[0].replaceAll('_', ' ')).join(', ') || '–'}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </section>
    </>
  )
}

const median = (times: number[]): number => [...times].sort((a, b) => a - b)[times.length >> 1] ?? 0

const Tile = ({ name, value }: { name: string; value: ReactNode }) => (
  <div className="tile">
    <dt>{name}</dt>
    <dd>{value ?? '…'}</dd>
  </div>
)
