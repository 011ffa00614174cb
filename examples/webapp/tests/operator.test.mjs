// An operator: stakes, registers hardware, tests it, and sees it go from Trial to Full.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { toDfsn } from './support/address.mjs'
import { checkAccess, closePage, openBrowser, openPage } from './support/browser.mjs'
import { expect } from './support/expect.mjs'
import { Network } from './support/network.mjs'
import { askFaucet, connectWallet, goTo } from './support/steps.mjs'
import { Wallet } from './support/wallet.mjs'

const network = new Network()
let browser

before(async () => {
  await network.start()
  browser = await openBrowser()
})
after(async () => {
  await browser?.close()
  await network.close()
})

/** A test says nothing where chance draws fewer than two to check it: so many tests in a row do not. */
const TRIES = 4

/**
 * The chance that fewer than two validators are drawn to check a first job (rules AUD-03, AUD-09): each with its share of the
 * stake, times the rate.
 */
async function untested(network) {
  const { params } = await network.rpc('dfsn_network')
  const checkers = (await network.rpc('dfsn_getValidators')).filter(({ pairs }) => pairs.some(({ status }) => status === 'active'))
  const stake = checkers.reduce((sum, validator) => sum + Number(validator.stake), 0)
  const rate = params.sortition.rate_ramp / 1e6
  const chances = checkers.map((validator) => Math.min(1, (rate * Number(validator.stake)) / stake))
  const none = chances.reduce((product, chance) => product * (1 - chance), 1)
  const one = chances.reduce((sum, chance) => sum + (chance === 1 ? 0 : (none * chance) / (1 - chance)), 0)
  return none + one
}

/** Tests the hardware. Says whether the node is a Full one then, or else what the page says. */
async function isFull(mine, tries) {
  const button = mine.getByRole('button', { name: 'Test my hardware' })
  await button.click()
  const status = mine.getByRole('status')
  await status.getByText(/In the queue|Assigned|Drawing|Being checked/).first().waitFor()
  const full = mine.getByText('Full', { exact: true })
  await expect(async () => (await full.isVisible()) || (await status.getByText('Untested', { exact: true }).isVisible()), `test ${tries} is over`)
  if (await full.isVisible()) return true
  await status.getByText(/this says nothing about your hardware: test again/).waitFor()
  await expect(() => button.isEnabled(), 'it can be tested again')
  return false
}

async function stake(page) {
  await askFaucet(page)
  await goTo(page, 'Validators')
  const mine = page.getByRole('region', { name: 'Your validator' })
  await mine.getByRole('button', { name: 'Stake', exact: true }).click()
  await expect(async () => /Staked 1.000 DFSN/.test(await mine.innerText()), 'the stake is there')
  return mine
}

async function register(mine) {
  await mine.getByRole('button', { name: /Use this node’s hardware/ }).click()
  await mine.getByText(/1 model, from/).waitFor()
  await mine.getByRole('button', { name: 'Register' }).click()
  await mine.getByText('Trial', { exact: true }).waitFor()
}

test('from no stake to a Full node', async () => {
  const wallet = new Wallet(network)
  const page = await openPage(browser, { wallet })
  await page.goto(network.url)
  await connectWallet(page)
  const mine = await stake(page)

  // What is no registration is refused before anything is signed.
  await mine.getByText('Paste the registration of your own node').click()
  await mine.getByLabel('Registration, as JSON').fill('{"registration": {}, "possession": {}}')
  await mine.getByText(/duty_key is not 64 hexadecimal digits/).waitFor()
  await mine.getByLabel('Registration, as JSON').fill('')

  await register(mine)
  const chance = await untested(network)
  assert.ok(chance > 0 && chance ** TRIES < 1e-3, `${TRIES} tests all end untested with a chance of ${chance ** TRIES}`)
  for (let tries = 1; !(await isFull(mine, tries)); tries++) assert.ok(tries < TRIES, 'a test was checked by two')

  const validators = await network.rpc('dfsn_getValidators')
  const own = validators.find(({ owner }) => owner === toDfsn(wallet.account.address))
  assert.deepEqual(own.pairs.map(({ status }) => status), ['active'])
  await page.getByRole('row', { name: /yours.*Full/ }).waitFor()

  await mine.getByLabel('DFSN', { exact: true }).fill('5000')
  await mine.getByText('The balance is too low for this.').waitFor()
  await mine.getByLabel('DFSN', { exact: true }).fill('100')
  await mine.getByRole('button', { name: 'Unstake' }).click()
  await mine.getByText(/under the minimum|Staked 900/).first().waitFor()
  await closePage(page)
})

test('a test that nobody checked says so, and is made again', async () => {
  const dear = new Network()
  try {
    // Whoever is drawn would have to lock ten thousand audit fees, which is more than any of them has.
    await dear.prepare({ economics: { price_min: `${50n * 10n ** 18n}` }, penalties: { answer_fees: 10_000 } })
    await dear.start()
    const wallet = new Wallet(dear)
    const page = await openPage(browser, { wallet })
    await page.goto(dear.url)
    await connectWallet(page)
    const mine = await stake(page)
    await register(mine)
    assert.equal(await isFull(mine, 1), false)
    const said = await mine.getByRole('status').innerText()
    assert.match(said, /Nobody came to check it\. All of the deposit of [0-9.]+ DFSN came back\./)
    await mine.getByText('Trial', { exact: true }).waitFor()
    await checkAccess(page, 'an untested end')
    // The newest one is shown, not the first.
    assert.equal(await isFull(mine, 2), false)
    const { jobs } = await dear.rpc('dfsn_getJobs', [{ requester: toDfsn(wallet.account.address) }])
    assert.deepEqual(jobs.map(({ status }) => status), [{ refunded: 'untested' }, { refunded: 'untested' }])
    // Whoever comes back later is told the same.
    await page.reload()
    await mine.getByText(/Nobody came to check it/).waitFor()
    await page.getByRole('link', { name: /^Account/ }).click()
    const first = page.getByRole('region', { name: 'History' }).getByRole('listitem').first()
    await expect(async () => /Tested the hardware[^]*untested[^]*came back/.test(await first.innerText()), 'the history has it')
    await closePage(page)
  } finally {
    await dear.close()
  }
})
