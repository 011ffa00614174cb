// Money: DFSN has 18 decimals, as ether.

const UNIT = 10n ** 18n

/** Reads what a person types; nothing when it is no amount. */
export function parseAmount(text: string): bigint | null {
  const match = /^\s*(\d{1,18})(?:[.,](\d{1,18}))?\s*$/.exec(text)
  if (!match) return null
  return BigInt(match[1] ?? '0') * UNIT + BigInt((match[2] ?? '').padEnd(18, '0'))
}

/** As people read it: at most `digits` decimals, rounded up where it is to be paid. */
export function formatAmount(amount: bigint | string, digits = 4, roundUp = false): string {
  let value = BigInt(amount)
  const sign = value < 0n ? '−' : ''
  if (value < 0n) value = -value
  const step = 10n ** BigInt(18 - digits)
  let shown = value / step
  if (roundUp && value % step > 0n) shown += 1n
  if (shown === 0n && value > 0n) return `${sign}<0.${'0'.repeat(digits - 1)}1`
  const whole = (shown / 10n ** BigInt(digits)).toString().replace(/\B(?=(\d{3})+$)/g, '\u202f')
  const part = (shown % 10n ** BigInt(digits)).toString().padStart(digits, '0').replace(/0+$/, '')
  return sign + (part ? `${whole}.${part}` : whole)
}
