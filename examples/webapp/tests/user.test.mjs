// A user: connects a wallet, gets coins, asks, watches, shares, finds it again.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { closePage, openBrowser, openPage } from './support/browser.mjs'
import { expect } from './support/expect.mjs'
import { Network } from './support/network.mjs'
import { askFaucet, connectWallet, goTo, imagine, requestSays } from './support/steps.mjs'
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

test('from a wallet to a shared picture', async () => {
  const wallet = new Wallet(network)
  const page = await openPage(browser, { wallet })
  await page.goto(network.url)
  await connectWallet(page)
  assert.ok(wallet.asked.includes('wallet_addEthereumChain'), 'the wallet was told of the network')
  await askFaucet(page)

  await goTo(page, 'Imagine')
  await page.getByLabel('Prompt').fill('pizza --n 2 --seed 7 --steps 8 --no text')
  await expect(async () => /2 DFSN|DFSN/.test(await page.locator('.price-lines .total').last().innerText()), 'a price is shown')
  await page.getByRole('button', { name: 'Imagine' }).click()
  const card = await requestSays(page, 'pizza', 'Being checked')
  await card.getByRole('button', { name: 'Confirm delivery' }).click()
  await requestSays(page, 'pizza', 'Settled')
  assert.match(await card.innerText(), /to the worker/)
  assert.equal(await card.getByRole('img', { name: /^pizza/ }).count(), 2)

  // Two pictures of two seeds, as the chain has them.
  const { jobs } = await network.rpc('dfsn_getJobs', [{}])
  const { params, commitment } = jobs.find(({ params }) => params.prompt === 'pizza')
  assert.deepEqual([params.num_images, params.seed, params.num_inference_steps, params.negative_prompt], [2, 7, 8, 'text'])
  assert.notEqual(commitment.images[0].picture.file, commitment.images[1].picture.file)

  await card.getByRole('link', { name: 'Picture 2: details' }).click()
  await page.getByRole('heading', { name: 'pizza', level: 1 }).waitFor()
  const details = page.locator('main')
  await expect(async () => /Settled: .* to the worker/.test(await details.innerText()), 'the history is there')
  assert.match(await details.innerText(), /Seed\s+8/)
  await page.getByRole('button', { name: 'Copy link' }).click()
  const link = await page.evaluate(() => navigator.clipboard.readText())
  assert.match(link, /\/p\/[0-9a-f]{64}\/2$/)
  assert.match(await page.getByRole('link', { name: 'Share on X' }).getAttribute('href'), /^https:\/\/x\.com\/intent\/post\?text=.*pizza/)
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'PNG' }).click()])
  assert.match(download.suggestedFilename(), /^dfsn-[0-9a-f]{12}-2\.png$/)

  // A stranger opens the link, without an account.
  const stranger = await openPage(browser)
  await stranger.goto(link)
  await stranger.getByRole('img', { name: 'pizza' }).waitFor()
  await stranger.getByRole('heading', { name: 'Who drew it, and how one knows' }).waitFor()
  await goTo(stranger, 'Explore')
  await stranger.getByRole('radio', { name: 'Most shared' }).check()
  await stranger.getByRole('link', { name: /pizza.*shared 1 time/s }).waitFor()
  await closePage(stranger)

  await page.getByRole('link', { name: /^Account/ }).click()
  const history = page.getByRole('region', { name: 'History' })
  await history.getByRole('listitem').filter({ hasText: 'pizza' }).getByText('settled', { exact: true }).waitFor()
  await closePage(page)
})

test('what is not to be listed is not', async () => {
  const wallet = new Wallet(network)
  const page = await openPage(browser, { wallet })
  await page.goto(network.url)
  await connectWallet(page)
  await askFaucet(page)
  await goTo(page, 'Imagine')
  await page.getByLabel('Do not list it in Explore').check()
  await page.getByText('also those of a picture that is not listed').waitFor()
  await imagine(page, 'a secret tree --steps 4')
  const card = await requestSays(page, 'a secret tree', 'Being checked')
  assert.ok(wallet.asked.includes('personal_sign'))
  await card.getByRole('button', { name: 'Confirm delivery' }).click()
  await requestSays(page, 'a secret tree', 'Settled')
  const { jobs } = await (await fetch(`${network.url}/web/jobs`)).json()
  assert.ok(jobs.some(({ job }) => job.params.prompt === 'pizza'))
  assert.ok(!jobs.some(({ job }) => job.params.prompt === 'a secret tree'))
  // Nobody else can take a picture out of Explore.
  const { jobs: all } = await network.rpc('dfsn_getJobs', [{}])
  const { id } = all.find(({ params }) => params.prompt === 'pizza')
  const signature = await wallet.account.signMessage({ message: `DAOFusion: do not list job ${id}` })
  const headers = { 'content-type': 'application/json' }
  const refused = await fetch(`${network.url}/web/jobs/${id}/unlist`, { method: 'POST', headers, body: JSON.stringify({ signature }) })
  assert.equal(refused.status, 403)
  await closePage(page)
})

test('from a picture to one like it', async () => {
  const page = await openPage(browser, { wallet: new Wallet(network) })
  await page.goto(network.url)
  await connectWallet(page)
  await askFaucet(page)
  await goTo(page, 'Imagine')
  await imagine(page, 'banana --steps 6 --seed 3')
  const card = await requestSays(page, 'banana', 'Being checked')
  await card.getByRole('button', { name: 'Vary' }).click()
  await page.getByLabel(/^Change/).waitFor()
  await page.getByRole('button', { name: 'Imagine' }).click()
  await expect(async () => {
    const { jobs } = await network.rpc('dfsn_getJobs', [{}])
    return jobs.some(({ params, commitment }) => params.init_image && params.strength === 500 && commitment)
  }, 'a variation is drawn')
  await closePage(page)
})
