// When something goes wrong: the page says what, what it costs, and what to do.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { closePage, openBrowser, openPage } from './support/browser.mjs'
import { expect } from './support/expect.mjs'
import { Network } from './support/network.mjs'
import { askFaucet, connectWallet, goTo, imagine, requestSays, useThrowaway } from './support/steps.mjs'
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

test('a rejected signature costs nothing', async () => {
  const wallet = new Wallet(network)
  const page = await openPage(browser, { wallet })
  await page.goto(network.url)
  wallet.mood = 'reject'
  await page.getByRole('banner').getByRole('button', { name: 'Connect' }).click()
  await page.getByRole('button', { name: 'Test Wallet' }).click()
  await page.getByText(/You declined in Test Wallet/).waitFor()
  wallet.mood = 'approve'
  await page.getByRole('button', { name: 'Test Wallet' }).click()
  await askFaucet(page)
  await goTo(page, 'Imagine')
  wallet.mood = 'reject'
  await imagine(page, 'tree')
  await page.getByText('You declined in Test Wallet. Nothing was sent and nothing was spent.').waitFor()
  assert.equal(await page.getByRole('article').count(), 0)
  // What was typed is still there, and goes through when the person agrees.
  wallet.mood = 'approve'
  await page.getByRole('button', { name: 'Imagine' }).click()
  await requestSays(page, 'tree', 'tree')
  await closePage(page)
})

test('too low a balance is said before anything is signed', async () => {
  const wallet = new Wallet(network)
  const page = await openPage(browser, { wallet })
  await page.goto(network.url)
  await connectWallet(page)
  await page.getByLabel('Prompt').fill('tree')
  await page.getByText('The balance is too low for this.').waitFor()
  await page.getByRole('button', { name: 'Imagine' }).click()
  await page.getByText(/The balance is too low for this and its fee\. Nothing was sent/).waitFor()
  assert.ok(!wallet.asked.includes('eth_sendTransaction'))
  await page.getByRole('button', { name: /from the faucet/ }).first().waitFor()
  await closePage(page)
})

test('a node that goes and comes back loses nothing', async () => {
  const page = await openPage(browser)
  await page.goto(network.url)
  await useThrowaway(page)
  await askFaucet(page)
  await goTo(page, 'Imagine')
  await imagine(page, 'rocket --steps 60')
  await requestSays(page, 'rocket', 'Drawing')
  await network.kill(network.node)
  await page.getByText('The node is away.').waitFor()
  // A page that is opened now says so, too, and finds back by itself.
  await goTo(page, 'Network')
  await network.start()
  await expect(async () => !(await page.getByText('The node is away.').isVisible()), 'the page is connected again')
  await goTo(page, 'Imagine')
  await requestSays(page, 'rocket', 'Settled')
  await closePage(page)
})

test('prompts are text and nothing else', async () => {
  const hostile = '<img src=x onerror=alert(1)> "><script>alert(2)</script> {{7*7}} javascript:alert(3) \u202Etxet\u0000'
  const page = await openPage(browser)
  await page.goto(network.url)
  await useThrowaway(page)
  await askFaucet(page)
  await goTo(page, 'Imagine')
  await imagine(page, `${hostile.replaceAll('\u0000', '')} --steps 2 --n 1`)
  await requestSays(page, '<img src=x', 'Settled')
  assert.match(await page.locator('main').innerText(), /<script>alert\(2\)<\/script>/)
  await page.getByRole('link', { name: 'Open' }).first().click()
  await page.getByRole('heading', { level: 1, name: /onerror/ }).waitFor()
  await goTo(page, 'Explore')
  await page.getByRole('link', { name: /onerror/ }).waitFor()
  assert.equal(await page.locator('img[src="x"], script:not([src])').count(), 0)
  // Nobody can be made to load a page's parts from elsewhere.
  const policy = (await fetch(network.url)).headers.get('content-security-policy')
  assert.match(policy, /default-src 'none'/)
  assert.doesNotMatch(policy, /unsafe-inline|unsafe-eval'(?<!wasm-unsafe-eval')|https?:/)
  await closePage(page)
})

test('addresses that lead nowhere say so', async () => {
  const page = await openPage(browser)
  for (const path of ['/nowhere', `/p/${'0'.repeat(64)}/1`, '/p/not-a-job', '/p/%3Cscript%3E/1']) {
    await page.goto(network.url + path)
    await page.getByRole('heading', { name: 'There is no such p' }).waitFor()
  }
  assert.equal((await fetch(`${network.url}/web/jobs/${'0'.repeat(64)}`)).status, 404)
  assert.equal((await fetch(`${network.url}/../Cargo.toml`)).headers.get('content-type'), 'text/html')
  await closePage(page)
})
