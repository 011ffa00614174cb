// ethers as a page uses it: transfer, stake, request, read; all three types of transactions; and signatures that must not pass.

import assert from 'node:assert/strict'
import { Contract, JsonRpcProvider, Signature, Transaction, Wallet, WebSocketProvider, parseEther, parseUnits } from 'ethers'
import { SYSTEM, abi, fails, fund, http, raw, request, ws } from './network.mjs'

// Blocks come faster than the quarter of a second for which ethers keeps answers, nonces among them.
const provider = new JsonRpcProvider(http, undefined, { polling: true, pollingInterval: 50, cacheTimeout: -1 })
const follower = new WebSocketProvider(ws)
const wallet = new Wallet(`0x${'02'.repeat(32)}`, provider)
const somebody = '0x6060606060606060606060606060606060606060'
const { chainId } = await provider.getNetwork()

// A transfer; ethers waits for its receipt by itself.
const funded = await fund(wallet.address)
const sent = await wallet.sendTransaction({ to: somebody, value: parseEther('1') })
const receipt = await sent.wait()
assert.equal(receipt.status, 1)
assert.equal(receipt.gasUsed, 21_000n)
assert.equal(await provider.getBalance(somebody), parseEther('1'))
assert.equal(await provider.getBalance(wallet.address), parseEther('1999') - receipt.fee)
assert.equal((await provider.getTransaction(sent.hash)).from, wallet.address)
assert.equal(await provider.getTransactionCount(wallet.address), 1)

// The faucet's transfer is a native transaction, whose signature is none of Ethereum's.
const native = await provider.getTransaction(funded)
assert.deepEqual([native.to, native.value], [wallet.address, parseEther('2000')])
const its = await provider.getBlock(native.blockNumber, true)
assert.equal(its.getPrefetchedTransaction(funded).hash, funded)

// Each type of transaction.
for (const type of [0, 1, 2]) {
  const fees = type === 2 ? {} : { gasPrice: (await provider.getFeeData()).gasPrice }
  const mined = await (await wallet.sendTransaction({ type, to: somebody, value: 1n, ...fees })).wait()
  assert.deepEqual([mined.type, mined.status], [type, 1])
}

// Stake and a picture, through the interface.
const system = new Contract(SYSTEM, abi, wallet)
assert.equal((await (await system.stake({ value: parseEther('1000') })).wait()).status, 1)
const told = []
const live = new Contract(SYSTEM, abi, follower)
await live.on('JobCommitted', (job) => told.push(job))
const asked = await request('a pizza')
const quote = await system.quote(asked.args[0])
assert.equal(quote.price, asked.value)
const data = system.interface.encodeFunctionData('generationRequest', asked.args)
assert.equal(await system.valueFor(data), asked.value)
const requested = await (await system.generationRequest(...asked.args, { value: quote.price })).wait()
const { job, requester } = requested.logs.map((log) => system.interface.parseLog(log))[0].args
assert.equal(requester, wallet.address)
let committed = []
for (let tries = 0; committed.length === 0; tries += 1) {
  assert(tries < 1_200, 'the picture is drawn')
  await new Promise((resolve) => setTimeout(resolve, 50))
  committed = await system.queryFilter(system.filters.JobCommitted(job), requested.blockNumber)
}
assert.equal(committed[0].args.images.length, 1)
for (let tries = 0; !told.includes(job); tries += 1) {
  assert(tries < 200, 'subscribers are told of logs')
  await new Promise((resolve) => setTimeout(resolve, 50))
}

// A call that fails is told before it is signed, with the rule.
await fails(system.unstake.estimateGas(parseEther('1000000')), /STK-02/)
await fails(system.unjail.staticCall(), /VAL-01/)
// Signed all the same, it is included, and its receipt says so.
const failing = await wallet.sendTransaction({
  to: SYSTEM,
  data: system.interface.encodeFunctionData('unjail'),
  gasLimit: 100_000n,
})
await assert.rejects(failing.wait(), (error) => error.code === 'CALL_EXCEPTION' && error.receipt.status === 0)

// The second form of a signature, and one without a network.
const nonce = await provider.getTransactionCount(wallet.address)
const unsigned = { to: somebody, value: 1n, nonce, gasLimit: 21_000n, chainId, type: 2, maxFeePerGas: parseUnits('100', 'gwei') }
const signed = Transaction.from(await wallet.signTransaction(unsigned))
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
const { r, s, yParity } = signed.signature
const high = ORDER - BigInt(s)
const hex = (number) => `0x${number.toString(16).padStart(64, '0')}`
const { encodeRlp, toBeArray } = await import('ethers')
const fields = [chainId, nonce, 0n, signed.maxFeePerGas, 21_000n].map((number) => toBeArray(number))
const body = (parity, s) => encodeRlp([...fields, somebody, toBeArray(1n), '0x', [], toBeArray(parity), r, s])
const rawOf = (parity, s) => `0x02${body(parity, s).slice(2)}`
assert.equal(rawOf(yParity, s), signed.serialized, 'the same bytes as the library makes')
const highS = await raw('eth_sendRawTransaction', rawOf(1 - yParity, hex(high)))
assert.match(highS.error.message, /invalid transaction v, r, s values/)
const unprotected = new Transaction()
Object.assign(unprotected, { type: 0, to: somebody, value: 1n, nonce, gasLimit: 21_000n, gasPrice: parseUnits('100', 'gwei') })
unprotected.signature = wallet.signingKey.sign(unprotected.unsignedHash)
const everywhere = await raw('eth_sendRawTransaction', unprotected.serialized)
assert.match(everywhere.error.message, /only replay-protected/)
assert.equal(Signature.from(unprotected.signature).networkV, null)

// Nonsense, and too much.
for (const [method, params, code] of [
  ['eth_sendRawTransaction', ['0x'], -32000],
  ['eth_sendRawTransaction', ['0xzz'], -32602],
  ['eth_sendRawTransaction', [`0x02${'00'.repeat(16_400)}`], -32000],
  ['eth_sendRawTransaction', ['0x03c0'], -32000],
  ['eth_getBalance', ['0x12'], -32602],
  ['eth_getBalance', [somebody, '0xffffff'], -32000],
  ['eth_getLogs', [{ fromBlock: '0x2', toBlock: '0x1' }], -32602],
  ['eth_feeHistory', ['0x4', 'latest', [90, 10]], -32602],
  ['eth_call', [{ to: SYSTEM, data: '0x12345678' }], 3],
  ['eth_nothing', [], -32601],
]) {
  const { error } = await raw(method, ...params)
  assert.equal(error?.code, code, `${method} ${JSON.stringify(params).slice(0, 80)}: ${JSON.stringify(error)}`)
}
assert((await raw('eth_getLogs', { fromBlock: '0x0', toBlock: '0xffffffff' })).result.length > 0)
assert.deepEqual((await raw('eth_getLogs', { fromBlock: '0x0', address: somebody })).result, [])
assert.equal((await raw('eth_call', { to: somebody, data: '0x12345678' })).result, '0x')
assert.equal((await raw('eth_getTransactionReceipt', hex(1n))).result, null)
assert.equal((await raw('eth_getBlockByHash', hex(1n), false)).result, null)
assert.equal((await raw('eth_getBlockByNumber', '0xffffff', false)).result, null)

console.log('ethers: ok')
process.exit(0)
