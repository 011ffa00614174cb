// A button that signs a call and follows it into its block.

import { useState } from 'react'
import type { Call } from '../chain/calls'
import { client } from '../chain/queries'
import { receipt, send, SendError } from '../wallet/send'
import type { Signer } from '../wallet/signer'
import { Notice } from './parts'
import { toast } from './toast'

interface Props {
  signer: Signer
  /** Nothing: it cannot be sent as it is. */
  call: Call | null
  label: string
  success: string
  className?: string
  done?: () => void
}

export function SendButton({ signer, call, label, success, className = 'primary', done }: Props) {
  const [state, setState] = useState<'idle' | 'signing' | 'waiting'>('idle')
  const [problem, setProblem] = useState<Error | null>(null)
  const run = async () => {
    if (!call) return
    setProblem(null)
    setState('signing')
    try {
      const id = await send(signer, call)
      setState('waiting')
      await receipt(id)
      await client.invalidateQueries({ queryKey: ['account'] })
      await client.invalidateQueries({ queryKey: ['validators'] })
      toast(success)
      done?.()
    } catch (error) {
      setProblem(error instanceof Error ? error : new Error(String(error)))
    } finally {
      setState('idle')
    }
  }
  const isMild = problem instanceof SendError && problem.kind === 'rejected'
  return (
    <div className="stack">
      <button type="button" className={`button ${className}`} disabled={!call || state !== 'idle'} onClick={() => void run()}>
        {state === 'signing' ? 'Waiting for the signature…' : state === 'waiting' ? 'Waiting for a block…' : label}
      </button>
      {problem && <Notice tone={isMild ? 'warn' : 'bad'}>{problem.message}</Notice>}
    </div>
  )
}
