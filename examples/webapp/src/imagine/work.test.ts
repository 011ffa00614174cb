import { expect, it } from 'vitest'
import { workUnits } from './work'

const emoji = { work: { a: 8, b: 2048, d: 40, t: 1000 }, vae_scale_factor: 4 }
const asked = {
  size: { height: 64, width: 64 },
  guidance_scale: 7_500,
  init_image: null,
  num_inference_steps: 20,
  strength: 1_000,
  scheduler: 'ddim',
  num_images: 1,
}

it('counts what dfsn_quote of a node counts', () => {
  expect(workUnits(emoji, asked)).toBe(175_080)
  expect(workUnits(emoji, { ...asked, num_images: 2 })).toBe(349_160)
})
