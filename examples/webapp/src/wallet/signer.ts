import type { Call } from '../chain/calls'
import type { Hash, Hex, NetworkInfo } from '../chain/types'

/** Somebody who can sign for an account. */
export interface Signer {
  kind: 'throwaway' | 'injected'
  address: Hex
  /** "MetaMask". */
  name: string
  icon: string | null
  /** Signs and sends; the transaction's name, without 0x. */
  send(call: Call, network: NetworkInfo, nonce: number): Promise<Hash>
  /** Signs a text (EIP-191). */
  sign(text: string): Promise<Hex>
}
