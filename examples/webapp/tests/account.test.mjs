// An account: what it got, sent and spent, newest first, as far back as the chain goes.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { encodeFunctionData, parseEther, toHex } from 'viem'
import { readFileSync } from 'node:fs'
import { toDfsn } from './support/address.mjs'
import { checkAccess, closePage, openBrowser, openPage } from './support/browser.mjs'
import { expect } from './support/expect.mjs'
import { Network } from './support/network.mjs'
import { askFaucet, connectWallet, goTo, imagine, requestSays, sendCoins } from './support/steps.mjs'
import { Wallet } from './support/wallet.mjs'

const abi = JSON.parse(readFileSync(new URL('../../../dfsn-types/abi/IDfsn.json', import.meta.url), 'utf8'))
const SYSTEM = toHex(new TextEncoder().encode('DFSN system contract'))

const network = new Network()
let browser

before(async () => {
  // Its ComputeClient never calls in: a request waits until it is taken back.
  await network.start(network.initCompute())
  browser = await openBrowser()
})
after(async () => {
  await browser?.close()
  await network.close()
})

const entries = (page) => page.getByRole('region', { name: 'History' }).getByRole('listitem')
/** The newest entry, once it says something. */
const newest = async (page, text) => {
  const first = entries(page).first()
  await expect(async () => text.test(await first.innerText()), `the newest entry says ${text}`)
  return first.innerText()
}
const openAccount = (page) => page.getByRole('link', { name: /^Account/ }).click()
/** As the page shortens it. */
const short = (address) => `${address.slice(0, 10)}…${address.slice(-6)}`
const included = async (hash) => {
  await expect(() => network.rpc('eth_getTransactionReceipt', [hash], '/eth'), 'a block has it')
  return hash
}

test('transfers, stakes and requests, with what came back', async () => {
  const [wallet, friend] = [new Wallet(network), new Wallet(network)]
  const page = await openPage(browser, { wallet })
  await page.goto(network.url)
  await connectWallet(page)
  await openAccount(page)
  await page.getByText(/Nothing yet\. Coins that you get, send or spend are listed here/).waitFor()
  await askFaucet(page)
  assert.match(await newest(page, /Received from\s+dfsn1/), /\+1.200 DFSN/)

  const to = toDfsn(friend.account.address)
  await sendCoins(page, to, '1.5')
  const sent = await newest(page, /Sent to\s+dfsn1/)
  assert.match(sent, /−1\.5 DFSN/)
  assert.match(sent, /block \d+ · fee [0-9.<]+ DFSN/)
  assert.ok(sent.includes(short(to)), `${sent} names ${to}`)

  await goTo(page, 'Validators')
  await page.getByRole('button', { name: 'Stake', exact: true }).click()
  await page.getByText(/Staked 1.000 DFSN/).waitFor()
  await openAccount(page)
  assert.match(await newest(page, /^Staked/), /−1.000 DFSN/)

  // A request that is taken back: the price, and how much of it came back.
  await goTo(page, 'Imagine')
  await imagine(page, 'lighthouse --steps 5')
  const card = await requestSays(page, 'lighthouse', 'In the queue')
  await card.getByRole('button', { name: 'Cancel' }).click()
  await requestSays(page, 'lighthouse', 'Refunded')
  await openAccount(page)
  await newest(page, /Took a request back/)
  const request = entries(page).filter({ hasText: 'lighthouse' }).filter({ hasNotText: 'Took' })
  await expect(async () => /refunded/.test(await request.innerText()), 'the request was refunded')
  const { jobs } = await network.rpc('dfsn_getJobs', [{}])
  const { price } = jobs.find(({ params }) => params.prompt === 'lighthouse')
  const [, paid, back] = /−([0-9.]+) DFSN\s+\+([0-9.]+) DFSN came back/.exec(await request.innerText())
  assert.ok(Math.abs(Number(paid) - Number(price) / 1e18) < 1e-3)
  assert.ok(Number(back) > 0 && Number(back) < Number(paid), 'the fee for the place in the queue is kept')
  await request.getByRole('link', { name: 'lighthouse' }).click()
  await page.getByRole('heading', { name: 'lighthouse', level: 1 }).waitFor()
  await closePage(page)

  // The other side.
  const other = await openPage(browser, { wallet: friend })
  await other.goto(network.url)
  await connectWallet(other)
  await openAccount(other)
  const got = await newest(other, /Received from\s+dfsn1/)
  assert.match(got, /\+1\.5 DFSN/)
  assert.doesNotMatch(got, /fee/, 'whoever receives pays none')
  assert.ok(got.includes(short(toDfsn(wallet.account.address))))
  await closePage(other)
})

test('what failed says why; what is older comes page by page', async () => {
  const wallet = new Wallet(network)
  const page = await openPage(browser, { wallet })
  await page.goto(network.url)
  await connectWallet(page)
  await askFaucet(page)
  await newest(page, /Received/)

  // From another program: this page would not have signed it. Its gas is computed, since an estimate refuses it.
  const data = encodeFunctionData({ abi, functionName: 'receipt', args: [`0x${'00'.repeat(32)}`] })
  await included(await wallet.request({ method: 'eth_sendTransaction', params: [{ to: SYSTEM, data, gas: '0x10000' }] }))
  const failed = await newest(page, /Confirmed the delivery/)
  assert.match(failed, /failed/)
  assert.match(failed, /\([A-Z]{3}-\d{2}\) Only the fee was spent|by rule [A-Z]{3}-\d{2}\. Only the fee was spent/)

  const to = '0x5050505050505050505050505050505050505050'
  const hashes = []
  for (let count = 1; count <= 45; count++) {
    const value = toHex(parseEther(`0.${String(count).padStart(2, '0')}`))
    hashes.push(await wallet.request({ method: 'eth_sendTransaction', params: [{ to, value, gas: '0x5208' }] }))
  }
  await included(hashes.at(-1))
  await newest(page, /−0\.45 DFSN/)
  assert.equal(await entries(page).count(), 20)
  await page.getByRole('button', { name: 'Older' }).click()
  await expect(async () => (await entries(page).count()) === 40, 'twenty older ones')

  // A node that does not answer is said, what was read stays, and the next try goes on.
  const broken = (route) => (/getHistory/.test(route.request().postData() ?? '') ? route.abort() : route.continue())
  await page.route(`${network.url}/`, broken)
  await page.getByRole('button', { name: 'Older' }).click()
  await page.getByText('The node cannot be reached.').waitFor()
  assert.equal(await entries(page).count(), 40)
  await page.unroute(`${network.url}/`, broken)
  await page.getByRole('button', { name: 'Older' }).click()
  await expect(async () => (await entries(page).count()) === 47, 'all of them')
  assert.equal(await page.getByRole('button', { name: 'Older' }).count(), 0)
  const texts = await entries(page).allInnerTexts()
  const amounts = texts.flatMap((text) => /−(0\.\d+) DFSN/.exec(text)?.[1] ?? [])
  assert.deepEqual(amounts.map(Number), Array.from({ length: 45 }, (_, place) => (45 - place) / 100), 'newest first, none twice')
  assert.match(texts.at(-1), /Received from/)
  await checkAccess(page, 'account with a history')
  await closePage(page)

  // From the beginning, too.
  const again = await openPage(browser, { wallet })
  await again.route(`${network.url}/`, broken)
  await again.goto(network.url)
  await connectWallet(again)
  await openAccount(again)
  await again.getByText('The node cannot be reached.').first().waitFor()
  await again.unroute(`${network.url}/`, broken)
  await again.getByRole('button', { name: 'Try again' }).click()
  await newest(again, /−0\.45 DFSN/)
  await closePage(again)
})
