// Balance, history, coins.

import { type FormEvent, useState } from 'react'
import { History } from '../account/history'
import { readAddress, toDfsn } from '../chain/address'
import { formatAmount, parseAmount } from '../chain/amount'
import { transfer } from '../chain/calls'
import { useAccount, useNetwork } from '../chain/queries'
import { useStore } from '../chain/store'
import { Faucet } from '../imagine/faucet'
import { ConnectButton } from '../ui/account-button'
import { Dfsn, Empty, Failure, Field, Hash, Notice, PageHead } from '../ui/parts'
import { SendButton } from '../ui/send-button'
import { feeLimit } from '../wallet/send'
import type { Signer } from '../wallet/signer'
import { deleteThrowaway, disconnect, signer } from '../wallet/wallet'

export default function Account() {
  const account = useStore(signer)
  return (
    <>
      <PageHead title="Account" />
      {account ? (
        <Connected account={account} />
      ) : (
        <Empty title="No account is connected">
          <p>Connect a wallet to see its balance and what it asked for.</p>
          <ConnectButton large />
        </Empty>
      )}
    </>
  )
}

function Connected({ account }: { account: Signer }) {
  const { data, isError, error, refetch } = useAccount(account.address)
  const address = toDfsn(account.address)
  return (
    <div className="split">
      <div className="stack">
        <section className="card stack">
          <h2>Balance</h2>
          {isError && !data ? (
            <Failure error={error} retry={() => void refetch()} />
          ) : (
            <dl className="tiles">
              <div className="tile">
                <dt>To spend</dt>
                <dd data-testid="balance">{data ? <Dfsn amount={data.balance} /> : '…'}</dd>
              </div>
              <div className="tile">
                <dt>Staked</dt>
                <dd>{data ? <Dfsn amount={data.stake} /> : '…'}</dd>
              </div>
            </dl>
          )}
          <div className="row">
            <Faucet />
          </div>
          <dl className="facts">
            <dt>Address</dt>
            <dd>
              <Hash value={address} what="address" />
            </dd>
            <dt>In wallets</dt>
            <dd>
              <Hash value={account.address} what="address as wallets write it" />
            </dd>
            <dt>Signed by</dt>
            <dd>{account.name}</dd>
          </dl>
          <div className="row">
            <button type="button" className="button" onClick={disconnect}>
              Disconnect
            </button>
            {account.kind === 'throwaway' && <DeleteKey />}
          </div>
          {account.kind === 'throwaway' && (
            <Notice tone="warn">
              This key lies in the browser’s storage, unprotected. It is meant for a development network, whose coins are
              worth nothing.
            </Notice>
          )}
        </section>
        <Transfer account={account} balance={data?.balance} />
      </div>
      <History address={address} />
    </div>
  )
}

function DeleteKey() {
  const [isSure, setSure] = useState(false)
  return isSure ? (
    <>
      <button type="button" className="button danger" onClick={deleteThrowaway}>
        Delete it and all its coins
      </button>
      <button type="button" className="button quiet" onClick={() => setSure(false)}>
        Keep
      </button>
    </>
  ) : (
    <button type="button" className="button danger quiet" onClick={() => setSure(true)}>
      Delete the key
    </button>
  )
}

function Transfer({ account, balance }: { account: Signer; balance: string | undefined }) {
  const [to, setTo] = useState('')
  const [text, setText] = useState('')
  const { data: network } = useNetwork()
  const address = readAddress(to)
  const amount = parseAmount(text)
  const fee = network ? feeLimit({ gas: 21_000n }, network) : 0n
  const isPoor = amount !== null && balance !== undefined && amount + fee > BigInt(balance)
  const call = address && amount && amount > 0n && !isPoor ? transfer(address, amount) : null
  return (
    <form className="card stack" onSubmit={(event: FormEvent) => event.preventDefault()}>
      <h2>Send</h2>
      <Field label="To" wrong={to !== '' && !address ? 'This is no address. It begins with dfsn1 or 0x.' : null}>
        {(field) => (
          <input {...field} className="input mono" value={to} autoComplete="off" spellCheck={false} onChange={(event) => setTo(event.target.value)} />
        )}
      </Field>
      <Field
        label="Amount in DFSN"
        hint={network && `Network fee: at most ${formatAmount(fee, 6, true)} DFSN`}
        wrong={text !== '' && amount === null ? 'Write a number, for example 1.5.' : isPoor ? 'The balance is too low for this and its fee.' : null}
      >
        {(field) => <input {...field} className="input num" inputMode="decimal" value={text} onChange={(event) => setText(event.target.value)} />}
      </Field>
      <SendButton
        signer={account}
        call={call}
        label="Send"
        done={() => {
          setTo('')
          setText('')
        }}
        success={`${text} DFSN are sent.`}
      />
    </form>
  )
}
