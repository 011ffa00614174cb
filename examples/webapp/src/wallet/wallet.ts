// The account that the page acts for.

import { keptStore, store } from '../chain/store'
import { rpc } from '../chain/rpc'
import type { NetworkInfo } from '../chain/types'
import { connect, discover, onAccounts, type Wallet, wallets } from './injected'
import type { Signer } from './signer'
import { forgetThrowaway, hasThrowaway, throwaway } from './throwaway'

export const signer = store<Signer | null>(null)

/** Which way was last used: `throwaway`, or a wallet's name. */
const chosen = keptStore<string | null>('dfsn.wallet', null, (value) => (typeof value === 'string' ? value : null))

let stopFollowing = () => {}

function use(next: Signer | null, id: string | null): void {
  signer.set(next)
  chosen.set(id)
}

/** Takes up where the last visit was, without asking anybody. */
export function resume(): void {
  discover()
  if (chosen.get() === 'throwaway' && hasThrowaway()) signer.set(throwaway())
  const seen = () => {
    const wallet = wallets.get().find(({ id }) => id === chosen.get())
    if (!wallet || signer.get()) return
    rpc<NetworkInfo>('dfsn_network')
      .then((network) => connect(wallet, network, true))
      .then((found) => found && !signer.get() && adopt(wallet, found))
      .catch(() => undefined)
  }
  wallets.subscribe(seen)
  seen()
}

function adopt(wallet: Wallet, found: Signer): void {
  use(found, wallet.id)
  stopFollowing()
  stopFollowing = onAccounts(wallet, (accounts) => {
    if (accounts.length === 0) return disconnect()
    rpc<NetworkInfo>('dfsn_network')
      .then((network) => connect(wallet, network, true))
      .then((next) => next && use(next, wallet.id))
      .catch(() => undefined)
  })
}

export async function chooseWallet(wallet: Wallet): Promise<void> {
  const network = await rpc<NetworkInfo>('dfsn_network')
  const found = await connect(wallet, network)
  if (found) adopt(wallet, found)
}

export function chooseThrowaway(): void {
  use(throwaway(), 'throwaway')
}

export function disconnect(): void {
  stopFollowing()
  use(null, null)
}

/** Deletes the key of this browser, with whatever it holds. */
export function deleteThrowaway(): void {
  forgetThrowaway()
  disconnect()
}
