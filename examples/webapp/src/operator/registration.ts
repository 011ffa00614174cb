// A registration that somebody pastes, or a node gives: read before it is signed.

import type { ComputeUpdate } from '../chain/calls'

const HEX = (digits: number) => new RegExp(`^[0-9a-f]{${digits}}$`)

const OFFERS_MAX = 16

/** Throws an error that names what is wrong. */
export function readUpdate(value: unknown): ComputeUpdate {
  const update = value as Partial<ComputeUpdate> | null
  const { registration, possession } = update ?? {}
  if (!registration || !possession) throw new Error('This is no registration: registration and possession are missing.')
  const hex = (name: string, text: unknown, digits: number) => {
    if (typeof text !== 'string' || !HEX(digits).test(text)) throw new Error(`${name} is not ${digits} hexadecimal digits.`)
  }
  for (const name of ['duty_key', 'vrf_key', 'compute_key'] as const) hex(name, registration[name], 64)
  hex('possession.duty', possession.duty, 128)
  hex('possession.compute', possession.compute, 128)
  hex('possession.vrf', possession.vrf, 160)
  const { offers, payout } = registration
  if (typeof payout !== 'string' || !payout.startsWith('dfsn1')) throw new Error('payout is no address.')
  if (!Array.isArray(offers) || offers.length === 0 || offers.length > OFFERS_MAX) {
    throw new Error(`A registration offers 1 to ${OFFERS_MAX} models.`)
  }
  for (const { pair, capacity, min_price } of offers) {
    hex('model', pair?.model, 64)
    hex('profile', pair?.profile, 64)
    if (!Number.isInteger(capacity) || capacity < 1 || capacity > 255) throw new Error('capacity is 1 to 255.')
    if (!/^\d{1,39}$/.test(String(min_price))) throw new Error('min_price is no amount.')
  }
  return update as ComputeUpdate
}
