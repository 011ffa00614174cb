// Chromium, and what is held against every page that a test opens.

import assert from 'node:assert/strict'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'
import { chromium } from 'playwright-core'

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const SHOTS = new URL('../../../../docs/screenshots/', import.meta.url).pathname

/** Finds Chromium, or says why tests cannot run. */
export function chromiumPath() {
  const path = process.env.CHROMIUM ?? PLACES.find(existsSync)
  if (!path) throw new Error('no Chromium: apt-get install chromium, or name one by CHROMIUM')
  return path
}

export async function openBrowser() {
  // As root, in a container, there are no user namespaces for its sandbox.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  return chromium.launch({ executablePath: chromiumPath(), args })
}

/** A browser's profile of its own; what goes wrong in its pages is collected. */
export async function openPage(browser, { wallet, width = 1280, height = 900, scheme = 'dark' } = {}) {
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: scheme,
    permissions: ['clipboard-read', 'clipboard-write'],
    reducedMotion: 'reduce',
  })
  await wallet?.install(context)
  await context.addInitScript(() => {
    globalThis.dfsnShift = 0
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) if (!entry.hadRecentInput) globalThis.dfsnShift += entry.value
    }).observe({ type: 'layout-shift', buffered: true })
    addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
      console.error(`policy violated: ${violatedDirective} ${blockedURI}`),
    )
  })
  const page = await context.newPage()
  page.setDefaultTimeout(30_000)
  const problems = []
  page.on('pageerror', (error) => problems.push(error.message))
  page.on('dialog', (dialog) => {
    problems.push(`a dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.on('console', (message) => {
    const text = message.text()
    // What a node that is away causes is looked at by its own test.
    const isExpected = /Failed to load resource|WebSocket connection|net::ERR/.test(text)
    if (message.type() === 'error' && !isExpected) problems.push(text)
  })
  return Object.assign(page, { problems })
}

/** Ends a page; nothing may have gone wrong in it. */
export async function closePage(page) {
  const { problems } = page
  await page.context().close()
  assert.deepEqual(problems, [])
}

/** No serious finding of axe, in this state of the page. */
export async function checkAccess(page, name) {
  // The policy lets no script in: the debugger's evaluation is not bound by it.
  await page.evaluate(AXE)
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }))
  const serious = found.violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
  const lines = serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join('; ')}`)
  assert.deepEqual(lines, [], `${name} is not accessible`)
}

/** What Chromium calls good: at most 0.1 over the life of a page. */
export async function checkShift(page, name) {
  const shift = await page.evaluate(() => globalThis.dfsnShift)
  assert.ok(shift <= 0.1, `${name} moves while it loads: ${shift}`)
}

/** Keeps a picture of a page, where they are asked for by DFSN_SCREENSHOTS. WebP, since there are many. */
export async function shoot(page, name) {
  if (!process.env.DFSN_SCREENSHOTS) return
  const png = (await page.screenshot({ animations: 'disabled' })).toString('base64')
  const blank = await page.context().newPage()
  const webp = await blank.evaluate(async (encoded) => {
    const bitmap = await createImageBitmap(await (await fetch(`data:image/png;base64,${encoded}`)).blob())
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height)
    canvas.getContext('2d').drawImage(bitmap, 0, 0)
    const bytes = new Uint8Array(await (await canvas.convertToBlob({ type: 'image/webp', quality: 0.82 })).arrayBuffer())
    return btoa(String.fromCharCode(...bytes))
  }, png)
  await blank.close()
  mkdirSync(SHOTS, { recursive: true })
  writeFileSync(`${SHOTS}${name}.webp`, Buffer.from(webp, 'base64'))
}
