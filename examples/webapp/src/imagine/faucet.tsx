// Coins: from the faucet of a development network, or wherever this network sells them.

import { useState } from 'react'
import { toDfsn } from '../chain/address'
import { formatAmount } from '../chain/amount'
import { client } from '../chain/queries'
import { useStore } from '../chain/store'
import { askFaucet, useWeb } from '../chain/web'
import { toast } from '../ui/toast'
import { receipt } from '../wallet/send'
import { signer } from '../wallet/wallet'

export function Faucet() {
  const account = useStore(signer)
  const { data: web } = useWeb()
  const [busy, setBusy] = useState(false)
  if (!account || !web) return null
  if (!web.faucet) {
    return web.buy ? (
      <a className="button" href={web.buy} target="_blank" rel="noreferrer">
        Buy DFSN
      </a>
    ) : (
      <span>This node sells no coins: ask whoever runs it.</span>
    )
  }
  const ask = async () => {
    setBusy(true)
    try {
      const { transaction, amount } = await askFaucet(toDfsn(account.address))
      await receipt(transaction)
      await client.invalidateQueries({ queryKey: ['account'] })
      toast(`${formatAmount(amount)} DFSN came from the faucet.`)
    } catch (error) {
      toast(error instanceof Error ? error.message : String(error))
    } finally {
      setBusy(false)
    }
  }
  return (
    <button type="button" className="button" disabled={busy} onClick={() => void ask()}>
      {busy ? 'Asking the faucet…' : `Get ${formatAmount(web.faucet.amount)} DFSN from the faucet`}
    </button>
  )
}
