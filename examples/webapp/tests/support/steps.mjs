// What people do on the page, a step each.

import { expect } from './expect.mjs'

export async function connectWallet(page) {
  await page.getByRole('banner').getByRole('button', { name: 'Connect' }).click()
  await page.getByRole('button', { name: 'Test Wallet' }).click()
  await expect(() => page.getByRole('link', { name: /^Account/ }).isVisible(), 'the wallet is connected')
}

export async function useThrowaway(page) {
  await page.getByRole('banner').getByRole('button', { name: 'Connect' }).click()
  await page.getByRole('button', { name: /Throw-away key/ }).click()
  await expect(() => page.getByRole('link', { name: /^Account/ }).isVisible(), 'the key is there')
}

export async function askFaucet(page) {
  await page.getByRole('link', { name: /^Account/ }).click()
  await page.getByRole('button', { name: /from the faucet/ }).click()
  await expect(async () => /1.200 DFSN/.test(await page.getByTestId('balance').innerText()), 'the faucet has paid')
}

/** On the account's page. */
export async function sendCoins(page, to, amount) {
  await page.getByLabel('To', { exact: true }).fill(to)
  await page.getByLabel('Amount in DFSN').fill(amount)
  await page.getByRole('button', { name: 'Send', exact: true }).click()
  await page.getByText(`${amount} DFSN are sent.`).waitFor()
}

export async function goTo(page, name) {
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name }).click()
}

export async function imagine(page, prompt) {
  await page.getByLabel('Prompt').fill(prompt)
  await page.getByRole('button', { name: 'Imagine' }).click()
}

/** The card of a request, once it says something. */
export async function requestSays(page, prompt, text) {
  const card = page.getByRole('article', { name: `Request: ${prompt}` }).first()
  await expect(async () => (await card.innerText()).includes(text), `the request says ${text}`)
  return card
}
