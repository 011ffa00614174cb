// A worker that accepts and then goes dark: it loses stake, and the user gets the money back.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { closePage, openBrowser, openPage } from './support/browser.mjs'
import { expect } from './support/expect.mjs'
import { Network } from './support/network.mjs'
import { askFaucet, goTo, imagine, requestSays, useThrowaway } from './support/steps.mjs'

const network = new Network()
let browser

before(async () => {
  // The five minutes, and all that follows them, in seconds.
  await network.prepare({ windows: { accept_ms: 8_000, deadline_ms: 30_000, job_ms_max: 90_000, attempts_max: 1 } })
  await network.start(network.initCompute())
  network.startCompute()
  browser = await openBrowser()
})
after(async () => {
  await browser?.close()
  await network.close()
})

test('a missed deadline is punished and paid back', async () => {
  const page = await openPage(browser)
  await page.goto(network.url)
  await useThrowaway(page)
  await askFaucet(page)
  await goTo(page, 'Imagine')
  await imagine(page, 'mountain --steps 100 --n 4')
  await requestSays(page, 'mountain', 'Drawing')
  await requestSays(page, 'mountain', 'left of its five minutes')
  await network.kill(network.compute)
  const card = await requestSays(page, 'mountain', 'Refunded')
  assert.match(await card.innerText(), /missed its five minutes/)
  assert.match(await card.innerText(), /came back to you/)
  await goTo(page, 'Network')
  await expect(async () => /missed deadline/.test(await page.locator('main').innerText()), 'the slash is shown')
  await goTo(page, 'Validators')
  await page.getByRole('table').waitFor()
  await closePage(page)
})
