// viem as a wallet and as a page use it: transfer, stake, request, read; and what must be refused.

import assert from 'node:assert/strict'
import {
  createPublicClient,
  createWalletClient,
  decodeEventLog,
  defineChain,
  http as overHttp,
  keccak256,
  parseEther,
  parseGwei,
  webSocket,
} from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { SYSTEM, abi, fails, fund, http, raw, request, ws } from './network.mjs'

const account = privateKeyToAccount(`0x${'01'.repeat(32)}`)
const somebody = '0x5050505050505050505050505050505050505050'

const id = Number((await raw('eth_chainId')).result)
const chain = defineChain({
  id,
  name: 'DFSN',
  nativeCurrency: { name: 'DFSN', symbol: 'DFSN', decimals: 18 },
  rpcUrls: { default: { http: [http] } },
})
const reader = createPublicClient({ chain, transport: overHttp(undefined, { batch: true }), pollingInterval: 50 })
const follower = createPublicClient({ chain, transport: webSocket(ws) })
const wallet = createWalletClient({ account, chain, transport: overHttp() })
const mined = (hash) => reader.waitForTransactionReceipt({ hash })

// The network, before anything has happened on it.
assert.equal(await reader.getChainId(), id)
assert.equal((await raw('net_version')).result, String(id))
assert.match((await raw('web3_clientVersion')).result, /^fusionvm\//)
assert.equal((await raw('eth_syncing')).result, false)
const genesis = await reader.getBlock({ blockNumber: 0n })
assert.equal(genesis.number, 0n)
assert.equal((await reader.getBlock({ blockHash: genesis.hash })).hash, genesis.hash)
assert.equal(await reader.getCode({ address: SYSTEM }), '0xfe')
assert.equal(await reader.getCode({ address: somebody }), undefined)

const heads = []
const stopHeads = follower.watchBlocks({ onBlock: (block) => heads.push(block), onError: (error) => { throw error } })
const watched = []
const stopLogs = follower.watchContractEvent({
  address: SYSTEM,
  abi,
  onLogs: (logs) => watched.push(...logs),
  onError: (error) => { throw error },
})

// A transfer.
await fund(account.address)
assert.equal(await reader.getBalance({ address: account.address }), parseEther('2000'))
const sent = await wallet.sendTransaction({ to: somebody, value: parseEther('1') })
const receipt = await mined(sent)
assert.equal(receipt.status, 'success')
assert.equal(receipt.gasUsed, 21_000n)
assert.equal(receipt.from, account.address.toLowerCase())
assert.equal(await reader.getBalance({ address: somebody }), parseEther('1'))
const before = await reader.getBalance({ address: somebody, blockNumber: receipt.blockNumber - 1n })
assert.equal(before, 0n, 'states of the last blocks are kept')
const transaction = await reader.getTransaction({ hash: sent })
assert.equal(transaction.hash, sent)
assert.equal(transaction.value, parseEther('1'))
const paid = receipt.gasUsed * receipt.effectiveGasPrice
assert.equal(await reader.getBalance({ address: account.address }), parseEther('1999') - paid)

// Its block, with the native transfer of the faucet in the one before.
const block = await reader.getBlock({ blockNumber: receipt.blockNumber, includeTransactions: true })
assert.equal(block.transactions[receipt.transactionIndex].hash, sent)
assert.equal(block.parentHash, (await reader.getBlock({ blockNumber: receipt.blockNumber - 1n })).hash)
const first = await reader.getBlock({ blockNumber: 1n, includeTransactions: true })
assert.equal(first.transactions[0].to, account.address.toLowerCase())
assert.equal(first.transactions[0].value, parseEther('2000'))
assert.equal((await reader.getTransaction({ hash: first.transactions[0].hash })).blockNumber, 1n)

// Stake, by a function without arguments.
const stake = await wallet.writeContract({ address: SYSTEM, abi, functionName: 'stake', value: parseEther('1000') })
assert.equal((await mined(stake)).status, 'success')

// A picture.
const asked = await request('a red apple on a white background')
const [pricePerUnit, , price, audited] = await reader.readContract({
  address: SYSTEM,
  abi,
  functionName: 'quote',
  args: [asked.args[0]],
})
assert.deepEqual([pricePerUnit, price, audited], [asked.args[1], asked.value, !asked.args[3]])
await fails(
  reader.simulateContract({ account, address: SYSTEM, abi, functionName: 'generationRequest', args: asked.args }),
  /ETH-08/,
)
const simulated = await reader.simulateContract({
  account,
  address: SYSTEM,
  abi,
  functionName: 'generationRequest',
  args: asked.args,
  value: price,
})
const requested = await mined(await wallet.writeContract(simulated.request))
assert.equal(requested.status, 'success')
const [log] = requested.logs
const event = decodeEventLog({ abi, data: log.data, topics: log.topics })
assert.equal(event.eventName, 'JobRequested')
assert.equal(event.args.requester, account.address)
assert.equal(event.args.price, price)
const { job } = event.args
let events = []
for (let tries = 0; !events.some((log) => log.eventName === 'JobCommitted'); tries += 1) {
  assert(tries < 1_200, 'the picture is drawn')
  await new Promise((resolve) => setTimeout(resolve, 50))
  events = await reader.getContractEvents({ address: SYSTEM, abi, args: { job }, fromBlock: requested.blockNumber })
}
const committed = events.find((log) => log.eventName === 'JobCommitted')
const [image] = committed.args.images
const picture = await fetch(http.replace('/eth', `/blobs/${image.file.slice(2)}`))
assert.equal((await picture.arrayBuffer()).byteLength, image.fileBytes)
const delivered = await mined(
  await wallet.writeContract({ address: SYSTEM, abi, functionName: 'receipt', args: [job] }),
)
assert.equal(delivered.status, 'success')
assert.equal(decodeEventLog({ abi, ...delivered.logs[0] }).eventName, 'Delivered')
for (let tries = 0; !events.some((log) => log.eventName === 'JobSettled'); tries += 1) {
  assert(tries < 1_200, 'the job is settled')
  await new Promise((resolve) => setTimeout(resolve, 50))
  events = await reader.getContractEvents({ address: SYSTEM, abi, args: { job }, fromBlock: requested.blockNumber })
}

// What no transaction caused has a place of its own, which is found by its name.
const settled = events.find((log) => log.eventName === 'JobSettled')
const own = await reader.getTransactionReceipt({ hash: settled.transactionHash })
assert(own.logs.some((log) => log.logIndex === settled.logIndex))
assert.equal((await reader.getTransaction({ hash: settled.transactionHash })).gas, 0n)
const its = await reader.getBlock({ blockHash: settled.blockHash })
assert.equal(its.transactions[settled.transactionIndex], settled.transactionHash)

// Over the whole chain, by what a wallet or an indexer knows: an account, an event, both, several.
const mine = await reader.getContractEvents({
  address: SYSTEM,
  abi,
  eventName: 'JobRequested',
  args: { requester: account.address },
  fromBlock: 0n,
})
assert.deepEqual(mine.map(({ args }) => args.job), [job])
const whole = await reader.getLogs({ address: SYSTEM, fromBlock: 0n })
const topics = [null, [job, `0x${'11'.repeat(32)}`]]
const one = await reader.request({ method: 'eth_getLogs', params: [{ fromBlock: '0x0', topics }] })
assert(one.length > 3 && one.length <= whole.length)
const names = ['JobRequested', 'JobSettled']
const both = await reader.getLogs({ fromBlock: 0n, events: abi.filter(({ name }) => names.includes(name)) })
assert.deepEqual(both.map(({ eventName }) => eventName), names)
assert.deepEqual(await reader.getLogs({ address: somebody, fromBlock: 0n }), [])
const many = Array.from({ length: 128 }, (_, number) => `0x${number.toString(16).padStart(64, '0')}`)
await fails(
  reader.getContractEvents({ address: SYSTEM, abi, eventName: 'Delivered', args: { job: many }, fromBlock: 0n }),
  /exceed max topics/,
)

// Subscriptions have told the same.
for (let tries = 0; !watched.some((log) => log.eventName === 'JobSettled'); tries += 1) {
  assert(tries < 200, 'subscribers are told of logs')
  await new Promise((resolve) => setTimeout(resolve, 50))
}
assert(heads.length > 3 && heads.some((head) => head.hash === requested.blockHash))
stopHeads()
stopLogs()

// Fees as wallets look them up.
const history = await reader.getFeeHistory({ blockCount: 4, rewardPercentiles: [10, 50, 90] })
assert.equal(history.baseFeePerGas.length, 5)
assert(history.reward.every((rewards) => rewards.length === 3))
const fees = await reader.estimateFeesPerGas()
assert(fees.maxFeePerGas >= history.baseFeePerGas.at(-1))

// Wrong ones: signed here, so that nothing stops them before the node does.
const nonce = await reader.getTransactionCount({ address: account.address })
const good = {
  type: 'eip1559',
  chainId: id,
  nonce,
  gas: 21_000n,
  to: somebody,
  value: 1n,
  maxFeePerGas: parseGwei('100'),
  maxPriorityFeePerGas: 0n,
}
const send = async (change) => {
  const serializedTransaction = await account.signTransaction({ ...good, ...change })
  return reader.sendRawTransaction({ serializedTransaction })
}
await fails(send({ nonce: nonce - 1 }), /nonce too low/)
await fails(send({ nonce: nonce + 1_000 }), /nonce too high/)
await fails(send({ chainId: id + 1 }), /invalid chain id/)
await fails(send({ gas: 20_999n }), /intrinsic gas too low/)
await fails(send({ value: parseEther('9000') }), /insufficient funds for gas \* price \+ value/)
await fails(send({ maxFeePerGas: 1n }), /underpriced/)
await fails(send({ to: somebody, data: '0x01', gas: 100_000n }), /ETH-04/)
await fails(send({ to: undefined, data: '0x01', gas: 100_000n }), /ETH-03/)
await fails(reader.sendRawTransaction({ serializedTransaction: '0x02c0' }), /rlp/)
await fails(reader.estimateGas({ account, to: somebody, value: parseEther('9000') }), /insufficient funds/)
await fails(
  reader.estimateContractGas({ account, address: SYSTEM, abi, functionName: 'receipt', args: [`0x${'11'.repeat(32)}`] }),
  /execution reverted/,
)

// One that comes too early waits, and both are taken once the gap is closed; "pending" counts what waits without a gap.
const early = await send({ nonce: nonce + 1 })
assert.equal(await reader.getTransactionCount({ address: account.address, blockTag: 'pending' }), nonce)
assert.equal((await reader.getTransaction({ hash: early })).blockNumber, null)
await fails(send({ nonce: nonce + 1, maxFeePerGas: parseGwei('101') }), /replacement transaction underpriced/)
assert.equal(await send({ nonce: nonce + 1 }), early, 'the same bytes are the same transaction')
const now = await send({})
assert.equal((await mined(now)).status, 'success')
assert.equal((await mined(early)).status, 'success')
await fails(send({}), /nonce too low/)
assert.equal(await reader.getTransactionCount({ address: account.address, blockTag: 'pending' }), nonce + 2)

// The same name for the same bytes.
assert.equal(now, keccak256(await account.signTransaction(good)))
console.log('viem: ok')
process.exit(0)
