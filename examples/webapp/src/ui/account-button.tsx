// Who is connected, and the ways to connect.

import { useRef, useState } from 'react'
import { Link } from 'wouter'
import { short } from '../chain/address'
import { useAccount } from '../chain/queries'
import { useStore } from '../chain/store'
import { useWeb } from '../chain/web'
import { wallets } from '../wallet/injected'
import { signer, chooseThrowaway, chooseWallet } from '../wallet/wallet'
import { UserIcon, WalletIcon } from './icons'
import { Dfsn, Notice } from './parts'

export function AccountButton() {
  const account = useStore(signer)
  const { data } = useAccount(account?.address ?? null)
  if (!account) return <ConnectButton />
  return (
    <Link href="/account" className="button">
      <UserIcon />
      <span className="sr-only">Account </span>
      <span className="num">{data ? <Dfsn amount={data.balance} digits={2} /> : short(account.address, 6, 4)}</span>
    </Link>
  )
}

export function ConnectButton({ large = false }: { large?: boolean }) {
  const dialog = useRef<HTMLDialogElement>(null)
  const found = useStore(wallets)
  const { data: web } = useWeb()
  const [problem, setProblem] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)
  const run = (connect: () => void | Promise<void>) => async () => {
    setProblem(null)
    setBusy(true)
    try {
      await connect()
      dialog.current?.close()
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error))
    } finally {
      setBusy(false)
    }
  }
  return (
    <>
      <button
        type="button"
        className={`button primary ${large ? 'large' : ''}`}
        onClick={() => dialog.current?.showModal()}
      >
        Connect
      </button>
      <dialog ref={dialog} className="dialog" aria-labelledby="connect-title">
        <div className="stack">
          <h2 id="connect-title">Connect a wallet</h2>
          {problem && <Notice tone="bad">{problem}</Notice>}
          {found.map((wallet) => (
            <button
              key={wallet.id}
              type="button"
              className="wallet"
              disabled={busy}
              onClick={run(() => chooseWallet(wallet))}
            >
              {wallet.icon ? <img src={wallet.icon} alt="" /> : <WalletIcon size={32} />}
              <span>{wallet.name}</span>
            </button>
          ))}
          {found.length === 0 && (
            <p className="muted small">
              No wallet was found in this browser. Any that speaks to Ethereum will do, for example MetaMask or Rabby:
              install it and reload the page.
            </p>
          )}
          {web?.dev && (
            <>
              <button type="button" className="wallet" disabled={busy} onClick={run(chooseThrowaway)}>
                <UserIcon size={32} />
                <span>
                  Throw-away key
                  <span className="muted small"> · kept in this browser</span>
                </span>
              </button>
              <p className="muted small">
                This is a development network: its coins are worth nothing. Never send anything of value to a throw-away
                key.
              </p>
            </>
          )}
          <form method="dialog" className="row">
            <button type="submit" className="button quiet">
              Cancel
            </button>
          </form>
        </div>
      </dialog>
    </>
  )
}
