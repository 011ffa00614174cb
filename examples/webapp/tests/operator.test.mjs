// An operator: stakes, registers hardware, tests it, and sees it go from Trial to Full.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { toDfsn } from './support/address.mjs'
import { closePage, openBrowser, openPage } from './support/browser.mjs'
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

test('from no stake to a Full node', async () => {
  const wallet = new Wallet(network)
  const page = await openPage(browser, { wallet })
  await page.goto(network.url)
  await connectWallet(page)
  await askFaucet(page)
  await goTo(page, 'Validators')
  const mine = page.getByRole('region', { name: 'Your validator' })
  await mine.getByRole('button', { name: 'Stake', exact: true }).click()
  await expect(async () => /Staked 1.000 DFSN/.test(await mine.innerText()), 'the stake is there')

  // What is no registration is refused before anything is signed.
  await mine.getByText('Paste the registration of your own node').click()
  await mine.getByLabel('Registration, as JSON').fill('{"registration": {}, "possession": {}}')
  await mine.getByText(/duty_key is not 64 hexadecimal digits/).waitFor()
  await mine.getByLabel('Registration, as JSON').fill('')

  await mine.getByRole('button', { name: /Use this node’s hardware/ }).click()
  await mine.getByText(/1 model, from/).waitFor()
  await mine.getByRole('button', { name: 'Register' }).click()
  await mine.getByText('Trial', { exact: true }).waitFor()
  await mine.getByRole('button', { name: 'Test my hardware' }).click()
  await mine.getByText(/In the queue|Assigned|Drawing|Being checked/).first().waitFor()
  await mine.getByText('Full', { exact: true }).waitFor({ timeout: 120_000 })

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
