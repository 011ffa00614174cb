// Waits for something to become so; nobody asserts how long it takes, but a test that hangs ends.

import assert from 'node:assert/strict'

const PATIENCE_MS = 90_000

export async function expect(holds, what) {
  const end = Date.now() + PATIENCE_MS
  let last
  for (;;) {
    try {
      if (await holds()) return
      last = undefined
    } catch (error) {
      last = error
    }
    if (Date.now() > end) assert.fail(`not so after ${PATIENCE_MS / 1000} s: ${what}${last ? ` (${last.message})` : ''}`)
    await new Promise((done) => setTimeout(done, 100))
  }
}
