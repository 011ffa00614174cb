import { describe, expect, it } from 'vitest'
import { parsePrompt, sizeOf } from './flags'

describe('flags in a prompt', () => {
  it('reads those of Midjourney', () => {
    const { prompt, flags, problems } = parsePrompt('a red fox, 35mm --ar 3:2 --seed 7 --no text, hands --steps 30 --repeat 2')
    expect(prompt).toBe('a red fox, 35mm')
    expect(flags).toEqual({ ratio: [3, 2], seed: 7, negative: 'text, hands', steps: 30, repeat: 2 })
    expect(problems).toEqual([])
  })

  it('reads what phones make of two hyphens, and leaves hyphens in words alone', () => {
    expect(parsePrompt('well-lit fox — at dusk —ar 1:1')).toMatchObject({
      prompt: 'well-lit fox — at dusk',
      flags: { ratio: [1, 1] },
    })
  })

  it('names what is wrong and what to do', () => {
    const wrong = (text: string) => parsePrompt(text).problems.join(' ')
    expect(wrong('fox --chaos 50')).toContain('--n 4')
    expect(wrong('fox --frobnicate')).toContain('not known')
    expect(wrong('fox --seed -1')).toContain('0 to 4294967295')
    expect(wrong('fox --steps 1.5')).toContain('whole number')
    expect(wrong('fox --ar 9:1')).toContain('ratio')
    expect(wrong('fox --seed 7 on the moon')).toContain('before the flags')
    expect(wrong('fox --no')).toContain('keep away')
    expect(wrong('fox --sampler best')).toContain('ddim')
    expect(wrong('--constructor x')).toContain('not known')
  })

  it('keeps sizes in the model’s grid', () => {
    const model = { size_multiple: 8, size_max: 512, test_size: { height: 64, width: 64 } }
    expect(sizeOf([1, 1], model)).toEqual({ height: 64, width: 64 })
    expect(sizeOf([3, 2], model)).toEqual({ height: 56, width: 80 })
    for (const side of Object.values(sizeOf([8, 1], model))) expect(side % 8).toBe(0)
  })
})
