// What the chain says of a job, in plain words.

import { short } from '../chain/address'
import { formatAmount } from '../chain/amount'
import type { TimelineEntry } from '../chain/jobs'
import type { EventFields } from '../chain/types'
import type { Tone } from './parts'

const who = (address: string | undefined): string => (address ? short(address, 9, 4) : 'somebody')
const plain = (text: string | undefined): string => (text ?? '').replaceAll('_', ' ')

const TEXTS: Record<string, (fields: EventFields) => [string, Tone]> = {
  job_requested: ({ price }) => [`Requested; ${formatAmount(price ?? '0', 4, true)} DFSN are held`, 'plain'],
  job_drawn: ({ worker }) => [`The beacon drew ${who(worker)} as worker`, 'plain'],
  job_passed_over: ({ worker }) => [`${who(worker)} let its turn pass`, 'plain'],
  job_accepted: ({ worker, collateral }) => [`${who(worker)} accepted and locked ${formatAmount(collateral ?? '0', 2)} DFSN of its stake`, 'live'],
  job_committed: ({ worker }) => [`${who(worker)} committed to its result`, 'live'],
  audit_claimed: ({ auditor, role }) => [`${who(auditor)} showed itself as ${plain(role) || 'auditor'}`, 'live'],
  audit_answered: ({ auditor }) => [`${who(auditor)} redid a step and answered, without seeing the worker’s result`, 'live'],
  audit_opened: ({ answers }) => [`The worker opened its trace: ${answers} ${answers === 1 ? 'answer agrees' : 'answers agree'}`, 'good'],
  contested: () => ['The worker denies an answer', 'bad'],
  fault_proven: ({ worker }) => [`Arithmetic proved ${who(worker)} wrong`, 'bad'],
  judged: ({ worker_right }) => [worker_right ? 'Judged: the worker was right' : 'Judged: the auditor was right', 'live'],
  slashed: ({ validator, amount, fault }) => [`${who(validator)} loses ${formatAmount(amount ?? '0', 2)} DFSN: ${plain(fault)}`, 'bad'],
  attempt_failed: ({ worker, fault }) => [`The attempt of ${who(worker)} failed: ${plain(fault)}`, 'bad'],
  witnesses_drawn: () => ['Witnesses were asked to fetch the pictures', 'plain'],
  stored: ({ witness }) => [`${who(witness)} fetched the pictures`, 'plain'],
  delivered: () => ['The pictures have arrived', 'good'],
  job_settled: ({ worker_paid, auditors_paid }) => [
    `Settled: ${formatAmount(worker_paid ?? '0')} DFSN to the worker, ${formatAmount(auditors_paid ?? '0')} to auditors`,
    'good',
  ],
  job_refunded: ({ amount, reason }) => [`${formatAmount(amount ?? '0')} DFSN went back: ${plain(reason)}`, 'bad'],
  test_failed: () => ['The hardware test failed', 'bad'],
  pair_activated: ({ validator }) => [`${who(validator)} passed its hardware test`, 'good'],
  jailed: ({ validator }) => [`${who(validator)} is jailed`, 'bad'],
  unjailed: ({ validator }) => [`${who(validator)} left jail`, 'good'],
  tombstoned: ({ validator }) => [`${who(validator)} is out for ever`, 'bad'],
  hold_paid: ({ validator }) => [`A penalty of ${who(validator)} was paid out`, 'plain'],
  hold_released: ({ validator }) => [`A penalty went back to ${who(validator)}`, 'plain'],
}

export function describe(name: string, fields: EventFields): [string, Tone] {
  return TEXTS[name]?.(fields) ?? [plain(name), 'plain']
}

export function Timeline({ entries }: { entries: TimelineEntry[] }) {
  if (entries.length === 0) return <p className="muted small">This node no longer has the blocks that tell of it.</p>
  return (
    <ol className="timeline">
      {entries.map(({ height, name, fields }, place) => {
        const [text, tone] = describe(name, fields)
        return (
          <li key={`${height}-${name}-${place}`} data-tone={tone}>
            <span>{text}</span>
            <span className="muted num">block {height}</span>
          </li>
        )
      })}
    </ol>
  )
}
