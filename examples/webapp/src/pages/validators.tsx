// Who draws and checks; and everything that an operator does.

import { toDfsn } from '../chain/address'
import { useNetwork, useValidators } from '../chain/queries'
import { useStore } from '../chain/store'
import type { NetworkInfo, ValidatorInfo } from '../chain/types'
import { useStandings } from '../chain/standings'
import { ConnectButton } from '../ui/account-button'
import { Dfsn, Empty, Failure, Hash, PageHead, Pill, Skeleton, type Tone } from '../ui/parts'
import { Operator } from '../operator/operator'
import { signer } from '../wallet/wallet'

export default function Validators() {
  const validators = useValidators()
  const network = useNetwork()
  const account = useStore(signer)
  const mine = account && validators.data?.find(({ owner }) => owner === toDfsn(account.address))
  return (
    <>
      <PageHead title="Validators">
        <p>
          Computers that draw and check pictures. Each has a stake that it loses when it is proven wrong; yours can join: stake,
          register your hardware, test it.
        </p>
      </PageHead>
      <div className="stack" style={{ '--gap': 'var(--s5)' } as React.CSSProperties}>
        {validators.isError && !validators.data ? (
          <Failure error={validators.error} retry={() => void validators.refetch()} />
        ) : !validators.data || !network.data ? (
          <Skeleton height="24rem" label="Reading validators" />
        ) : (
          <>
            {account ? (
              <Operator account={account} network={network.data} validator={mine ?? null} />
            ) : (
              <Empty title="Operate one yourself">
                <p>
                  Connect the account that is to own the stake. A validator needs at least{' '}
                  <Dfsn amount={network.data.params.economics.stake_min} digits={0} />.
                </p>
                <ConnectButton large />
              </Empty>
            )}
            <List validators={validators.data} network={network.data} mine={mine?.address} />
          </>
        )}
      </div>
    </>
  )
}

const STATUS: Record<ValidatorInfo['status'], [string, Tone]> = {
  bonded: ['Bonded', 'good'],
  jailed: ['Jailed', 'bad'],
  exiting: ['Exiting', 'warn'],
  exited: ['Exited', 'plain'],
  tombstoned: ['Out for ever', 'bad'],
}

function List({ validators, network, mine }: { validators: ValidatorInfo[]; network: NetworkInfo; mine: string | undefined }) {
  const standings = useStandings()
  const name = (model: string) => network.models.find(({ id }) => id === model)?.name ?? model.slice(0, 8)
  return (
    <section className="stack">
      <h2>All {validators.length}</h2>
      <div className="scroll" tabIndex={0} role="region" aria-label="Validators">
        <table className="table">
          <thead>
            <tr>
              <th scope="col">Validator</th>
              <th scope="col">Status</th>
              <th scope="col">Serves</th>
              <th scope="col" className="right">
                Stake
              </th>
              <th scope="col" className="right">
                Locked
              </th>
              <th scope="col" className="right">
                Earned lately
              </th>
              <th scope="col" className="right">
                Faults lately
              </th>
            </tr>
          </thead>
          <tbody>
            {validators.map((validator) => {
              const [text, tone] = STATUS[validator.status]
              const { earned, faults } = standings[validator.address] ?? { earned: 0n, faults: 0 }
              return (
                <tr key={validator.address}>
                  <td>
                    <Hash value={validator.address} what="validator" /> {validator.address === mine && <Pill tone="live">yours</Pill>}
                  </td>
                  <td>
                    <Pill tone={tone}>{text}</Pill> {validator.paused && <Pill tone="warn">paused</Pill>}
                  </td>
                  <td>
                    {validator.pairs.length === 0 && <span className="muted">nothing</span>}
                    {validator.pairs.map(({ pair, status }) => (
                      <span key={pair.model + pair.profile} className="row">
                        {name(pair.model)} <Pill tone={status === 'active' ? 'good' : 'warn'}>{status === 'active' ? 'Full' : 'Trial'}</Pill>
                      </span>
                    ))}
                  </td>
                  <td className="right">
                    <Dfsn amount={validator.stake} digits={2} />
                  </td>
                  <td className="right">
                    <Dfsn amount={validator.locked} digits={2} />
                  </td>
                  <td className="right">
                    <Dfsn amount={earned} />
                  </td>
                  <td className="right num">{faults}</td>
                </tr>
              )
            })}
          </tbody>
        </table>
      </div>
      <p className="small muted">Earned and faults are counted over the blocks that this page has read, the last few hundred.</p>
    </section>
  )
}
