// Verify: a right picture, and those that somebody has changed.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { closePage, openBrowser, openPage } from './support/browser.mjs'
import { expect } from './support/expect.mjs'
import { Network } from './support/network.mjs'
import { withOtherClaim, withOtherPixel, withoutText } from './support/png.mjs'
import { askFaucet, goTo, imagine, requestSays, useThrowaway } from './support/steps.mjs'

const network = new Network()
let browser
let page
let png
let job

before(async () => {
  await network.start()
  browser = await openBrowser()
  page = await openPage(browser)
  await page.goto(network.url)
  await useThrowaway(page)
  await askFaucet(page)
  await goTo(page, 'Imagine')
  await imagine(page, 'pizza --steps 6 --seed 11')
  await requestSays(page, 'pizza', 'Settled')
  const { jobs } = await network.rpc('dfsn_getJobs', [{}])
  job = jobs[0]
  png = Buffer.from(await (await fetch(`${network.url}/blobs/${job.commitment.images[0].picture.file}`)).arrayBuffer())
  await goTo(page, 'Verify')
})
after(async () => {
  await closePage(page)
  await browser?.close()
  await network.close()
})

async function verdictOf(buffer, name = 'picture.png') {
  await page.goto(`${network.url}/verify`)
  await page.locator('input[type=file]').setInputFiles({ name, mimeType: 'image/png', buffer })
  const verdict = page.getByTestId('verdict')
  await verdict.waitFor()
  return verdict.innerText()
}

test('a right picture holds, and one of its steps is redone here', async () => {
  const text = await verdictOf(png)
  assert.match(text, /This picture is what it says it is/)
  assert.match(text, /signed checkpoint \d+/)
  assert.match(text, /Every byte is as committed/)
  await page.getByRole('button', { name: 'Redo a random step' }).click()
  await page.getByText('The same, bit for bit').waitFor({ timeout: 120_000 })
})

test('a changed pixel is found', async () => {
  const text = await verdictOf(withOtherPixel(png))
  assert.match(text, /This is not the picture that it says it is/)
  assert.match(text, /The picture was changed/)
})

test('another claim over the same pixels is found', async () => {
  const other = withOtherClaim(png, (claim) => claim.replace('"pizza"', '"salad"'))
  const text = await verdictOf(other)
  assert.match(text, /This is not the picture that it says it is/)
  assert.match(text, /The pixels are as committed, the file is another/)
  assert.match(text, /The file names another request/)
})

test('a claim that is none, a job that is none, a file that is none', async () => {
  assert.match(await verdictOf(withOtherClaim(png, () => '{"params": 7}')), /damaged/)
  const elsewhere = withOtherClaim(png, (claim) => claim.replace(job.id, 'ab'.repeat(32)))
  assert.match(await verdictOf(elsewhere), /The chain knows no such job/)
  await page.goto(`${network.url}/verify`)
  await page.locator('input[type=file]').setInputFiles({ name: 'x.png', mimeType: 'image/png', buffer: Buffer.from('no picture') })
  await page.getByText('This cannot be checked').waitFor()
})

test('a picture without its text is compared with the one it is said to be', async () => {
  const text = await verdictOf(withoutText(png))
  assert.match(text, /This picture says nothing of itself/)
  await page.getByLabel('Which picture is it said to be?').fill(`${network.url}/p/${job.id}/1`)
  await page.getByRole('button', { name: 'Compare' }).click()
  await expect(async () => /The pixels are as committed/.test(await page.getByTestId('verdict').innerText()), 'it is compared')
})

test('the picture’s page leads here', async () => {
  await page.goto(`${network.url}/p/${job.id}/1`)
  await page.getByRole('link', { name: 'Verify this picture' }).click()
  await expect(async () => /what it says it is/.test(await page.getByTestId('verdict').innerText()), 'it holds')
})
