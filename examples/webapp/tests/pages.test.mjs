// Every page, dark and light, wide and narrow: reachable by keyboard and screen reader, without moving while it loads.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { toDfsn } from './support/address.mjs'
import { checkAccess, checkShift, closePage, openBrowser, openPage, shoot } from './support/browser.mjs'
import { Network } from './support/network.mjs'
import { askFaucet, goTo, imagine, requestSays, sendCoins, useThrowaway } from './support/steps.mjs'

const PROMPTS = ['pizza --seed 7 --n 4', 'red apple --seed 2', 'green tree --seed 5', 'yellow banana --seed 9', 'blue heart --seed 3', 'rocket --seed 1']
const SIZES = [
  { name: 'desktop', width: 1280, height: 800 },
  { name: 'phone', width: 390, height: 844 },
]

const network = new Network()
let browser
let storage
let job

before(async () => {
  await network.start()
  browser = await openBrowser()
  const page = await openPage(browser)
  await page.goto(network.url)
  await useThrowaway(page)
  await askFaucet(page)
  await sendCoins(page, toDfsn('0x5050505050505050505050505050505050505050'), '2.5')
  await goTo(page, 'Imagine')
  for (const prompt of PROMPTS) {
    await imagine(page, prompt)
    // Sent, before the next one is typed.
    await requestSays(page, prompt.split(' --')[0], prompt.split(' --')[0])
  }
  for (const prompt of PROMPTS) await requestSays(page, prompt.split(' --')[0], 'Settled')
  const { jobs } = await network.rpc('dfsn_getJobs', [{}])
  job = jobs.find(({ params }) => params.prompt === 'pizza').id
  storage = await page.context().storageState()
  await closePage(page)
})
after(async () => {
  await browser?.close()
  await network.close()
})

/** By name: the path, and what is there once it is whole. */
const pages = () => ({
  imagine: ['/', (page) => page.getByText('Settled', { exact: true }).first()],
  picture: [`/p/${job}/1`, (page) => page.getByRole('heading', { name: 'What happened' })],
  verify: [`/verify?job=${job}&image=1`, (page) => page.getByTestId('verdict')],
  explore: ['/explore', (page) => page.getByRole('link', { name: /pizza/ })],
  account: ['/account', (page) => page.getByRole('listitem').filter({ hasText: 'rocket' }).first()],
  validators: ['/validators', (page) => page.getByRole('table')],
  network: ['/network', (page) => page.getByRole('table')],
})

for (const scheme of ['dark', 'light']) {
  for (const { name: size, width, height } of SIZES) {
    test(`${scheme}, ${size}`, async () => {
      for (const [name, [path, whole]] of Object.entries(pages())) {
        const page = await openPage(browser, { width, height, scheme })
        await restore(page, storage)
        await page.goto(network.url + path)
        await whole(page).waitFor()
        // Pictures, too.
        await page.waitForLoadState('networkidle').catch(() => undefined)
        await checkAccess(page, `${name}, ${scheme}, ${size}`)
        await checkShift(page, `${name}, ${scheme}, ${size}`)
        const sideways = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
        assert.ok(sideways <= 0, `${name} is wider than a ${size} by ${sideways} px`)
        await shoot(page, (scheme === 'dark') === (size === 'desktop') ? `${name}-${size}` : `${name}-${size}-${scheme}`)
        await closePage(page)
      }
    })
  }
}

async function restore(page, { origins }) {
  const kept = origins.flatMap(({ localStorage }) => localStorage)
  await page.context().addInitScript((all) => {
    for (const { name, value } of all) if (localStorage.getItem(name) === null) localStorage.setItem(name, value)
  }, kept)
}

test('empty pages and dialogs are accessible, too', async () => {
  const page = await openPage(browser)
  await page.goto(network.url)
  await page.getByText('Nothing asked for yet').waitFor()
  await checkAccess(page, 'imagine, empty')
  await page.getByRole('banner').getByRole('button', { name: 'Connect' }).click()
  await page.getByRole('dialog').waitFor()
  await checkAccess(page, 'connect')
  await page.keyboard.press('Escape')
  await goTo(page, 'Verify')
  await page.getByText('Drop a PNG here').waitFor()
  await checkAccess(page, 'verify, empty')
  await closePage(page)
})

test('a request needs no mouse', async () => {
  const page = await openPage(browser)
  await restore(page, storage)
  await page.goto(network.url)
  await page.getByLabel('Prompt').waitFor()
  await page.keyboard.press('Tab')
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), 'Skip to the page')
  await page.keyboard.press('Enter')
  await page.keyboard.press('Tab')
  assert.equal(await page.evaluate(() => document.activeElement?.tagName), 'TEXTAREA')
  await page.keyboard.press('ControlOrMeta+A')
  await page.keyboard.type('camera --steps 3')
  await page.keyboard.press('ControlOrMeta+Enter')
  await requestSays(page, 'camera', 'camera')
  // A screen reader hears where it is after a change of page.
  await goTo(page, 'Explore')
  await page.getByRole('heading', { name: 'Explore' }).waitFor()
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), 'Explore')
  await closePage(page)
})

test('a chosen theme stays', async () => {
  const page = await openPage(browser, { scheme: 'dark' })
  await page.goto(network.url)
  await page.getByRole('button', { name: 'Use light colours' }).click()
  await page.reload()
  await page.getByRole('button', { name: 'Use dark colours' }).waitFor()
  await closePage(page)
})
