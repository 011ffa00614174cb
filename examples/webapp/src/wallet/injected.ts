// Wallets in the browser: found by EIP-6963, spoken to by EIP-1193.

import { getAddress, isAddress, isHex, stringToHex, toHex } from 'viem'
import type { Call } from '../chain/calls'
import { store } from '../chain/store'
import type { Hash, Hex, NetworkInfo } from '../chain/types'
import { SendError } from './send'
import type { Signer } from './signer'

export interface Provider {
  request(asked: { method: string; params?: unknown[] }): Promise<unknown>
  on?(event: string, listener: (...values: never[]) => void): void
  removeListener?(event: string, listener: (...values: never[]) => void): void
}

export interface Wallet {
  id: string
  name: string
  icon: string | null
  provider: Provider
}

/** Wallets that announced themselves. */
export const wallets = store<Wallet[]>([])

const WALLETS_MAX = 16

/** Asks wallets to show themselves, and keeps listening: some load later than the page. */
export function discover(): void {
  addEventListener('eip6963:announceProvider', (event) => {
    const detail: unknown = (event as CustomEvent).detail
    const wallet = read(detail)
    if (!wallet || wallets.get().length >= WALLETS_MAX) return
    wallets.set((all) => (all.some(({ id }) => id === wallet.id) ? all : [...all, wallet]))
  })
  dispatchEvent(new Event('eip6963:requestProvider'))
}

/** What a wallet says of itself is a stranger's text. */
function read(detail: unknown): Wallet | null {
  if (typeof detail !== 'object' || detail === null) return null
  const { info, provider } = detail as { info?: Record<string, unknown>; provider?: Provider }
  if (!info || typeof provider?.request !== 'function') return null
  const text = (value: unknown, length: number) => (typeof value === 'string' ? value.slice(0, length) : '')
  const icon = text(info.icon, 65_536)
  const isPicture = /^data:image\/(svg\+xml|png|webp|jpeg|gif)[;,]/.test(icon)
  return {
    id: text(info.rdns, 128) || text(info.uuid, 64),
    name: text(info.name, 48) || 'Wallet',
    icon: isPicture ? icon : null,
    provider,
  }
}

/** Connects a wallet, and takes it to this network. `quiet` asks for nothing: only what was allowed before. */
export async function connect(wallet: Wallet, network: NetworkInfo, quiet = false): Promise<Signer | null> {
  const accounts = await ask(wallet, quiet ? 'eth_accounts' : 'eth_requestAccounts')
  const [first] = Array.isArray(accounts) ? (accounts as unknown[]) : []
  if (typeof first !== 'string' || !isAddress(first)) {
    if (quiet) return null
    throw new SendError(`${wallet.name} gave no account.`, 'wallet')
  }
  if (!quiet) await toNetwork(wallet, network)
  return signer(wallet, getAddress(first))
}

function signer(wallet: Wallet, address: Hex): Signer {
  return {
    kind: 'injected',
    address,
    name: wallet.name,
    icon: wallet.icon,
    async send(call: Call, network: NetworkInfo): Promise<Hash> {
      await toNetwork(wallet, network)
      const transaction = {
        from: address,
        to: call.to,
        value: toHex(call.value),
        gas: toHex(call.gas),
        ...(call.data === '0x' ? {} : { data: call.data }),
      }
      const id = await ask(wallet, 'eth_sendTransaction', [transaction])
      if (!isHex(id) || id.length !== 66) throw new SendError(`${wallet.name} gave no transaction hash.`, 'wallet')
      return id.slice(2)
    },
    async sign(text: string): Promise<Hex> {
      const signed = await ask(wallet, 'personal_sign', [stringToHex(text), address])
      if (!isHex(signed)) throw new SendError(`${wallet.name} gave no signature.`, 'wallet')
      return signed
    },
  }
}

/** Switches to this network, which the wallet learns where it does not know it. */
async function toNetwork(wallet: Wallet, network: NetworkInfo): Promise<void> {
  const chainId = toHex(network.chain_id)
  if ((await ask(wallet, 'eth_chainId')) === chainId) return
  try {
    await wallet.provider.request({ method: 'wallet_switchEthereumChain', params: [{ chainId }] })
    return
  } catch (error) {
    // 4902: it does not know the network. Some say so in other words, so only a refusal ends it here.
    if (codeOf(error) === 4001) throw rejected(wallet)
  }
  const about = {
    chainId,
    chainName: `DAOFusion ${network.chain_id}`,
    nativeCurrency: { name: 'DFSN', symbol: 'DFSN', decimals: 18 },
    rpcUrls: [`${location.origin}/eth`],
    blockExplorerUrls: [`${location.origin}/network`],
  }
  await ask(wallet, 'wallet_addEthereumChain', [about])
  if ((await ask(wallet, 'eth_chainId')) !== chainId) {
    await ask(wallet, 'wallet_switchEthereumChain', [{ chainId }])
  }
}

async function ask(wallet: Wallet, method: string, params: unknown[] = []): Promise<unknown> {
  try {
    return await wallet.provider.request({ method, params })
  } catch (error) {
    if (codeOf(error) === 4001) throw rejected(wallet)
    const message = error instanceof Error ? error.message : (error as { message?: unknown } | null)?.message
    const reason = typeof message === 'string' ? message.slice(0, 200) : 'no reason given'
    throw new SendError(`${wallet.name}: ${reason}`, 'wallet')
  }
}

const rejected = ({ name }: Wallet): SendError =>
  new SendError(`You declined in ${name}. Nothing was sent and nothing was spent.`, 'rejected')

function codeOf(error: unknown): number | undefined {
  const code = (error as { code?: unknown; data?: { originalError?: { code?: unknown } } } | null)?.code
  return typeof code === 'number' ? code : undefined
}

/** Calls `then` whenever the wallet shows another account. */
export function onAccounts(wallet: Wallet, then: (accounts: string[]) => void): () => void {
  const listener = (accounts: string[]) => then(accounts)
  wallet.provider.on?.('accountsChanged', listener as never)
  return () => wallet.provider.removeListener?.('accountsChanged', listener as never)
}
