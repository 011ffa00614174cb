// From no validator to one that draws paid pictures: stake, register, test.

import { useMutation, useQuery } from '@tanstack/react-query'
import { type FormEvent, type ReactNode, useId, useState } from 'react'
import { toDfsn } from '../chain/address'
import { formatAmount, parseAmount } from '../chain/amount'
import { registerCompute, type ComputeUpdate, stake, testHardware, unjail, unstake } from '../chain/calls'
import { useAccount } from '../chain/queries'
import { reach, rpc } from '../chain/rpc'
import type { NetworkInfo, Pair, ValidatorInfo } from '../chain/types'
import { useWeb } from '../chain/web'
import { Faucet } from '../imagine/faucet'
import { CheckIcon } from '../ui/icons'
import { Dfsn, Field, Notice, Pill } from '../ui/parts'
import { SendButton } from '../ui/send-button'
import { explainRule } from '../wallet/rules'
import type { Signer } from '../wallet/signer'
import { readUpdate } from './registration'
import { TestStatus } from './test-status'

interface Props {
  account: Signer
  network: NetworkInfo
  validator: ValidatorInfo | null
}

export function Operator(props: Props) {
  const { validator, network } = props
  const isStaked = validator !== null && BigInt(validator.stake) >= BigInt(network.params.economics.stake_min)
  const isRegistered = validator?.duty_key != null
  return (
    <section className="stack" aria-labelledby="yours">
      <h2 id="yours">Your validator</h2>
      {validator?.status === 'jailed' && <Jailed {...props} />}
      <div className="steps">
      <Step number={1} title="Stake" isDone={isStaked}>
        <Stake {...props} />
      </Step>
      <Step number={2} title="Register compute" isDone={isRegistered}>
        {isStaked ? <Register {...props} /> : <p className="muted small">Comes after the stake.</p>}
      </Step>
      <Step number={3} title="Test my hardware" isDone={validator?.pairs.some(({ status }) => status === 'active') ?? false}>
        {isRegistered && validator ? <Test {...props} validator={validator} /> : <p className="muted small">Comes after the registration.</p>}
      </Step>
      </div>
    </section>
  )
}

const Step = ({ number, title, isDone, children }: { number: number; title: string; isDone: boolean; children: ReactNode }) => (
  <div className="card stack">
    <h3 className="row">
      {isDone ? (
        <span className="tone-good" role="img" aria-label="Done">
          <CheckIcon />
        </span>
      ) : (
        <span className="num muted">{number}.</span>
      )}
      {title}
    </h3>
    {children}
  </div>
)

function Jailed({ account, network }: Props) {
  return (
    <Notice tone="bad">
      <span>
        It is jailed: no work until you take it out, {Math.round(network.params.windows.jail_ms / 3_600_000)} hours after it was caught
        at the earliest.
      </span>
      <SendButton signer={account} call={unjail()} label="Leave jail" success="It is free again." className="" />
    </Notice>
  )
}

function Stake({ account, network, validator }: Props) {
  const least = BigInt(network.params.economics.stake_min)
  const owned = BigInt(validator?.stake ?? 0)
  const { data } = useAccount(account.address)
  const [text, setText] = useState('')
  const amount = text === '' ? (owned < least ? least - owned : null) : parseAmount(text)
  const free = owned - BigInt(validator?.locked ?? 0)
  const isPoor = amount !== null && data !== undefined && amount > BigInt(data.balance)
  const days = Math.round(network.params.windows.unbonding_ms / 86_400_000)
  return (
    <form className="stack" onSubmit={(event: FormEvent) => event.preventDefault()}>
      <p className="small muted">
        Staked <Dfsn amount={owned} digits={2} />, of which jobs hold <Dfsn amount={validator?.locked ?? '0'} digits={2} />. The least is{' '}
        <Dfsn amount={least} digits={0} />. What is taken out is paid {days} days later.
      </p>
      <Field
        label="DFSN"
        hint={text === '' && isPoor && 'The balance is too low for this.'}
        wrong={text === '' ? null : amount === null ? 'Write a number, for example 1000.' : isPoor ? 'The balance is too low for this.' : null}
      >
        {(field) => (
          <input
            {...field}
            className="input num"
            inputMode="decimal"
            placeholder={formatAmount(owned < least ? least - owned : least, 0)}
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        )}
      </Field>
      {isPoor && <Faucet />}
      <div className="row">
        <SendButton
          signer={account}
          call={amount && amount > 0n && !isPoor ? stake(amount) : null}
          label="Stake"
          success="Staked."
          done={() => setText('')}
        />
        {owned > 0n && (
          <SendButton
            signer={account}
            call={amount && amount > 0n && amount <= free ? unstake(amount) : null}
            label="Unstake"
            success={`It is paid out in ${days} days.`}
            className=""
            done={() => setText('')}
          />
        )}
      </div>
    </form>
  )
}

function Register({ account, validator }: Props) {
  const { data: web } = useWeb()
  const [text, setText] = useState('')
  const [update, setUpdate] = useState<ComputeUpdate | null>(null)
  const id = useId()
  const ask = useMutation({
    mutationFn: async () => {
      const init = {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ owner: toDfsn(account.address) }),
      }
      const response = await reach('/web/operators', init)
      if (!response.ok) throw new Error((await response.text()).trim())
      return (await response.json()) as unknown
    },
    onSuccess: (answer) => setUpdate(readUpdate(answer)),
    // A node that was just started is still loading its model.
    retry: 30,
    retryDelay: 1_000,
  })
  const typed = text === '' ? null : parse(text)
  const chosen = typed instanceof Error ? null : (typed ?? update)
  return (
    <div className="stack">
      {validator?.duty_key && <p className="small muted">Registered. Another registration takes its place.</p>}
      {web?.dev && (
        <>
          <p className="small muted">On this development network the node lends you its own hardware: it draws for you under your stake.</p>
          <button type="button" className="button" disabled={ask.isPending} onClick={() => ask.mutate()}>
            {ask.isPending ? 'Asking the node…' : update ? 'The node’s hardware is chosen' : 'Use this node’s hardware'}
          </button>
        </>
      )}
      {ask.isError && <Notice tone="bad">{ask.error.message}</Notice>}
      <details>
        <summary>Paste the registration of your own node</summary>
        <div className="field">
          <label htmlFor={id}>Registration, as JSON</label>
          <textarea id={id} className="input mono" rows={5} value={text} spellCheck={false} onChange={(event) => setText(event.target.value)} />
          {typed instanceof Error && (
            <p className="wrong" role="alert">
              {typed.message}
            </p>
          )}
        </div>
      </details>
      {chosen && (
        <p className="small">
          {chosen.registration.offers.length} {chosen.registration.offers.length === 1 ? 'model' : 'models'}, from{' '}
          {formatAmount(chosen.registration.offers[0]?.min_price ?? '0', 18)} DFSN a unit of work.
        </p>
      )}
      <SendButton
        signer={account}
        call={chosen ? registerCompute(chosen) : null}
        label="Register"
        success="Registered: on trial until its hardware is tested."
        done={() => setText('')}
      />
    </div>
  )
}

function parse(text: string): ComputeUpdate | Error {
  try {
    return readUpdate(JSON.parse(text))
  } catch (error) {
    return error instanceof SyntaxError ? new Error('This is no JSON. Paste all that the node printed.') : (error as Error)
  }
}

function Test({ account, network, validator }: Props & { validator: ValidatorInfo }) {
  return (
    <ul className="stack">
      {validator.pairs.map(({ pair, status }) => (
        <li key={pair.model + pair.profile} className="stack">
          <div className="row">
            <strong>{network.models.find(({ id }) => id === pair.model)?.name ?? pair.model.slice(0, 8)}</strong>
            <Pill tone={status === 'active' ? 'good' : 'warn'}>{status === 'active' ? 'Full' : 'Trial'}</Pill>
          </div>
          {status === 'trial' ? (
            <TestPair account={account} network={network} pair={pair} />
          ) : (
            <p className="small muted">Passed: it is drawn for paid pictures and checks those of others.</p>
          )}
          <TestStatus owner={validator.owner} pair={pair} />
        </li>
      ))}
    </ul>
  )
}

function TestPair({ account, network, pair }: { account: Signer; network: NetworkInfo; pair: Pair }) {
  const kind = { test_hardware: { pair } }
  const preview = useQuery({
    queryKey: ['account', 'test', account.address, pair],
    queryFn: () => rpc<{ moves?: string; fails?: string }>('dfsn_preview', [toDfsn(account.address), kind]),
  })
  const deposit = preview.data?.moves
  const minutes = Math.round(network.params.windows.deadline_ms / 60_000)
  return (
    <>
      <p className="small muted">
        The network chooses a prompt, your hardware draws it in {network.params.economics.test_steps} steps within {minutes} minutes, and
        others check it. {deposit && `The deposit of ${formatAmount(deposit, 4, true)} DFSN pays them; what is left comes back.`}
      </p>
      {preview.data?.fails && <Notice tone="warn">{explainRule(preview.data.fails)}</Notice>}
      <SendButton
        signer={account}
        call={deposit ? testHardware(pair.model, pair.profile, BigInt(deposit)) : null}
        label="Test my hardware"
        success="The test is in the queue."
      />
    </>
  )
}
