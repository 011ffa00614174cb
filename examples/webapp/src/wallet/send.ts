// From a call to its receipt.

import { toDfsn } from '../chain/address'
import type { Call } from '../chain/calls'
import { feed } from '../chain/feed'
import { readAccount } from '../chain/queries'
import { rpc } from '../chain/rpc'
import type { Hash, NetworkInfo, Receipt } from '../chain/types'
import { explainRule } from './rules'
import type { Signer } from './signer'

/** How long a transaction may wait for a block before the page says so. */
const PATIENCE_MS = 90_000

/** Why a transaction did nothing. */
export class SendError extends Error {
  override readonly name = 'SendError'
  constructor(
    message: string,
    readonly kind: 'rejected' | 'balance' | 'refused' | 'failed' | 'wallet' | 'slow',
  ) {
    super(message)
  }
}

/** The most that a call may cost: what it moves, and its gas at twice the base fee of now. */
export const feeLimit = (call: Pick<Call, 'gas'>, network: NetworkInfo): bigint =>
  call.gas * BigInt(network.base_fee_per_gas) * 2n

/** Signs and sends a call. The name is known before a block has it. */
export async function send(signer: Signer, call: Call): Promise<Hash> {
  const network = await rpc<NetworkInfo>('dfsn_network')
  const { answer } = await readAccount(toDfsn(signer.address))
  const needed = call.value + feeLimit(call, network)
  if (BigInt(answer.balance) < needed) {
    throw new SendError('The balance is too low for this and its fee. Nothing was sent.', 'balance')
  }
  return signer.send(call, network, answer.nonce)
}

/** Waits for the block of a transaction. */
export async function receipt(id: Hash): Promise<{ height: number; receipt: Receipt }> {
  const end = Date.now() + PATIENCE_MS
  for (;;) {
    const found = await rpc<{ height: number; receipt: Receipt } | null>('dfsn_getReceipt', [id]).catch(() => null)
    if (found) {
      const { status } = found.receipt
      if (status === 'succeeded') return found
      throw new SendError(`${explainRule(status.failed.rule)} Only the network fee was spent.`, 'failed')
    }
    if (Date.now() > end) {
      throw new SendError('No block has taken the transaction yet. It may still be taken: look at Account.', 'slow')
    }
    await nextBlock(1_500)
  }
}

/** The next block with something in it, or some time. */
function nextBlock(atMost: number): Promise<void> {
  return new Promise((done) => {
    const stop = feed.listen((notification) => notification.kind === 'block' && end())
    const timer = setTimeout(end, atMost)
    function end() {
      clearTimeout(timer)
      stop()
      done()
    }
  })
}
