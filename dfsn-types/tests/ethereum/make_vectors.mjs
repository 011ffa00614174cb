// Writes vectors.json: transactions that viem signs, and others put together by hand that must be refused.
// `npm ci && npm run vectors`; the same input gives the same bytes.

import { writeFileSync } from 'node:fs'
import { concat, getAddress, hexToBigInt, keccak256, toHex, toRlp } from 'viem'
import { privateKeyToAccount, sign } from 'viem/accounts'
import { call, kinds, registrations, requests, SYSTEM } from './calls.mjs'
import { invalidInputs } from './invalid_inputs.mjs'

// The first account of development wallets, known to everybody.
const SECRET = '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80'
const CHAIN = 7777
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
const BASE_X = 0x79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798n
const SOMEBODY = '0x0102030405060708090a0b0c0d0e0f1011121314'
const VALUE = 1_500_000_000_000_000_000n
const account = privateKeyToAccount(SECRET)

const FEES = {
  legacy: { gasPrice: 50_000_000_000n },
  eip2930: { gasPrice: 50_000_000_000n },
  eip1559: { maxFeePerGas: 50_000_000_000n, maxPriorityFeePerGas: 1_000_000_000n },
}
const TYPES = Object.keys(FEES)

const valid = []
async function accept(description, type, kind, fields) {
  const transaction = { type, chainId: CHAIN, nonce: 5, gas: 300_000n, ...FEES[type], ...fields }
  const raw = await account.signTransaction(transaction)
  valid.push({
    description: `${type}: ${description}`,
    raw,
    hash: keccak256(raw),
    nonce: transaction.nonce,
    gas_limit: Number(transaction.gas),
    max_fee_per_gas: String(transaction.maxFeePerGas ?? transaction.gasPrice),
    max_priority_fee_per_gas: String(transaction.maxPriorityFeePerGas ?? transaction.gasPrice),
    value: String(transaction.value),
    data_len: (transaction.data.length - 2) / 2,
    kind,
  })
}

for (const type of TYPES) {
  // Several nonces, so that both parities of y occur.
  for (const nonce of [0, 1, 2, 3, 127, 128, 4_294_967_296]) {
    const kind = { transfer: { to: 'dfsn1qypqxpq9qcrsszg2pvxq6rs0zqg3yyc56nu4ks', amount: String(VALUE) } }
    await accept(`transfer with nonce ${nonce}`, type, kind, { ...call(kind), nonce, gas: 21_000n })
  }
  for (const { description, json } of kinds) {
    const fields = call(json, VALUE)
    if (fields) await accept(description, type, json, fields)
  }
}
for (const { description, json } of requests) {
  const kind = { generation_request: json }
  await accept(`request: ${description}`, 'eip1559', kind, call(kind, 2n ** 128n - 1n))
}
const { possession } = kinds.find(({ json }) => json.register_compute).json.register_compute
for (const { description, json } of registrations) {
  const kind = { register_compute: { registration: json, possession } }
  await accept(`registration: ${description}`, 'eip1559', kind, call(kind))
}

// By hand: fields in the order of their type, as numbers, hex or lists.
const even = (hex) => (hex.length % 2 ? `0x0${hex.slice(2)}` : hex)
const scalar = (value) => (typeof value === 'string' || Array.isArray(value) ? value : value ? even(toHex(value)) : '0x')
const typed = (type, body) => concat([toHex(type, { size: 1 }), body])
const encode = (type, fields) => (type ? typed(type, toRlp(fields.map(scalar))) : toRlp(fields.map(scalar)))
const transfer = { chain: CHAIN, nonce: 0, fee: 50_000_000_000n, gas: 21_000, to: SOMEBODY, value: VALUE, data: '0x', list: [] }

function unsigned(type, f) {
  const call = [f.gas, f.to, f.value, f.data]
  if (type === 0) return [f.nonce, f.fee, ...call]
  return [f.chain, f.nonce, ...(type === 2 ? [f.fee, f.fee] : [f.fee]), ...call, f.list]
}

/** Signs fields that viem would refuse; `edit` changes the signature afterwards. */
async function forge(type, changed = {}, edit = (signature) => signature) {
  const fields = { ...transfer, ...changed }
  const body = unsigned(type, fields)
  const signed = type === 0 && fields.chain ? [...body, fields.chain, 0, 0] : body
  const digest = keccak256(encode(type, signed))
  const made = await sign({ hash: digest, privateKey: SECRET })
  const { r, s, parity } = edit({ r: hexToBigInt(made.r), s: hexToBigInt(made.s), parity: made.yParity, digest })
  const v = type === 0 ? (fields.chain ? 35 + 2 * fields.chain : 27) + parity : parity
  return encode(type, [...body, v, r, s])
}

const invalid = []
const refuse = (description, error, raw) => invalid.push({ description, error, raw })

for (const type of [0, 1, 2]) {
  const named = (description) => `type ${type}: ${description}`
  const whole = await forge(type)
  refuse(named('trailing byte'), 'ETH-01', concat([whole, '0x00']))
  refuse(named('last byte missing'), 'ETH-01', whole.slice(0, -2))
  refuse(named('twice'), 'ETH-01', concat([whole, whole]))
  refuse(named('zero byte in front of the nonce'), 'ETH-01', await forge(type, { nonce: '0x0001' }))
  refuse(named('nonce of one zero byte'), 'ETH-01', await forge(type, { nonce: '0x00' }))
  refuse(named('nonce of 2^64'), 'ETH-01', await forge(type, { nonce: 2n ** 64n }))
  refuse(named('gas limit of 2^64'), 'ETH-01', await forge(type, { gas: 2n ** 64n }))
  refuse(named('fee of 2^128'), 'ETH-01', await forge(type, { fee: 2n ** 128n }))
  refuse(named('value of 2^256'), 'ETH-01', await forge(type, { value: 2n ** 256n }))
  refuse(named('value of 2^128'), 'ETH-03', await forge(type, { value: 2n ** 128n }))
  refuse(named('receiver of 19 bytes'), 'ETH-01', await forge(type, { to: SOMEBODY.slice(0, -2) }))
  refuse(named('creates a contract'), 'ETH-03', await forge(type, { to: '0x', data: '0x00' }))
  refuse(named('creates a contract without code'), 'ETH-03', await forge(type, { to: '0x' }))
  refuse(named('another chain'), 'chain', await forge(type, { chain: CHAIN + 1 }))
  refuse(named('chain 1'), 'chain', await forge(type, { chain: 1 }))
  refuse(named('high s'), 'SIG-04', await forge(type, {}, ({ r, s, parity }) => ({ r, s: ORDER - s, parity: 1 - parity })))
  refuse(named('least high s'), 'SIG-04', await forge(type, {}, ({ r, parity }) => ({ r, s: (ORDER + 1n) / 2n, parity })))
  for (const [name, number] of [['0', 0n], ['the group order', ORDER], ['2^256 - 1', 2n ** 256n - 1n]]) {
    refuse(named(`r of ${name}`), 'SIG-04', await forge(type, {}, ({ s, parity }) => ({ r: number, s, parity })))
    refuse(named(`s of ${name}`), 'SIG-04', await forge(type, {}, ({ r, parity }) => ({ r, s: number, parity })))
  }
  // 5 is no x of a point: 5^3 + 7 = 132 is no square.
  refuse(named('r that is no x'), 'SIG-04', await forge(type, {}, ({ s, parity }) => ({ r: 5n, s, parity })))
  refuse(named('r of 33 bytes'), 'ETH-01', await forge(type, {}, ({ r, s, parity }) => ({ r: r + 2n ** 256n, s, parity })))
  const padded = ({ r, s, parity }) => ({ r: `0x00${r.toString(16).padStart(64, '0')}`, s, parity })
  refuse(named('zero byte in front of r'), 'ETH-01', await forge(type, {}, padded))
  // By the secret 0 and the nonce 1: r is the x of the base point, s the digest, and the key the point at infinity.
  const nobody = ({ digest }) => {
    const s = hexToBigInt(digest) % ORDER
    return s > ORDER / 2n ? { r: BASE_X, s: ORDER - s, parity: 1 } : { r: BASE_X, s, parity: 0 }
  }
  refuse(named('key at infinity'), 'SIG-04', await forge(type, {}, nobody))
  refuse(named('data to an account'), 'ETH-04', await forge(type, { data: '0xa9059cbb' }))
  refuse(named('money to the system address'), 'ETH-04', await forge(type, { to: SYSTEM }))
  refuse(named('nothing to the system address'), 'ETH-04', await forge(type, { to: SYSTEM, value: 0n }))
  if (type > 0) {
    const list = [[SOMEBODY, []]]
    refuse(named('access list of one address'), 'ETH-03', await forge(type, { list }))
    refuse(named('access list with a key'), 'ETH-03', await forge(type, { list: [[SYSTEM, ['0x' + '11'.repeat(32)]]] }))
    refuse(named('access list that is a string'), 'ETH-01', await forge(type, { list: '0x' }))
    for (const parity of [2, 3, 27, 28]) {
      refuse(named(`parity of ${parity}`), 'ETH-01', await forge(type, {}, ({ r, s }) => ({ r, s, parity })))
    }
  }
}
refuse('no bytes', 'ETH-01', '0x')
refuse('an empty list', 'ETH-01', '0xc0')
refuse('a string', 'ETH-01', '0x80')
refuse('legacy without a chain id', 'ETH-02', await forge(0, { chain: 0 }))
for (const parity of [-27, -26, 2, 7]) {
  const raw = await forge(0, { chain: 0 }, ({ r, s }) => ({ r, s, parity }))
  refuse(`legacy with v ${27 + parity}`, 'ETH-01', raw)
}
refuse('legacy whose chain id is 0', 'chain', await forge(0, { chain: 0 }, ({ r, s }) => ({ r, s, parity: 8 })))
for (const type of [3, 4, 5, 0x7e, 0x7f]) {
  refuse(`type ${type} around an EIP-1559 body`, 'ETH-01', typed(type, `0x${(await forge(2)).slice(4)}`))
}
refuse('type 0 as a byte', 'ETH-01', typed(0, await forge(0)))
const blob = { type: 'eip4844', maxFeePerBlobGas: 1n, blobVersionedHashes: [`0x01${'22'.repeat(31)}`] }
const common = { chainId: CHAIN, nonce: 0, gas: 21_000n, ...FEES.eip1559, to: SOMEBODY, value: 1n }
refuse('a blob transaction', 'ETH-01', await account.signTransaction({ ...common, ...blob }))
const authorization = await account.signAuthorization({ address: SOMEBODY, chainId: CHAIN, nonce: 0 })
const setCode = { type: 'eip7702', authorizationList: [authorization] }
refuse('a set-code transaction', 'ETH-01', await account.signTransaction({ ...common, ...setCode }))
for (const { description, error, data } of invalidInputs()) {
  refuse(description, error, await forge(2, { to: SYSTEM, data, gas: 1_000_000 }))
}

const vectors = { chain_id: CHAIN, secret: SECRET, sender: account.address, system: getAddress(SYSTEM), valid, invalid }
writeFileSync(new URL('vectors.json', import.meta.url), JSON.stringify(vectors, null, 1) + '\n')
console.log(`${valid.length} valid and ${invalid.length} invalid transactions`)
