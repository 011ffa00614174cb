// Flags in a prompt, as users of Midjourney type them: `a red fox --ar 3:2 --seed 7 --no text`. A flag that means nothing here is
// an error, since leaving it out in silence would draw another picture than was asked for.

import { SCHEDULERS } from '../chain/types'

export interface Flags {
  ratio?: [number, number]
  width?: number
  height?: number
  seed?: number
  negative?: string
  steps?: number
  guidance?: number
  scheduler?: string
  images?: number
  repeat?: number
  imageWeight?: number
}

export interface Parsed {
  prompt: string
  flags: Flags
  problems: string[]
}

const REPEAT_MAX = 10

type Read = (value: string, flags: Flags) => string | undefined

const number = (value: string, low: number, high: number): number | null => {
  const read = Number(value)
  return value !== '' && Number.isFinite(read) && read >= low && read <= high ? read : null
}

const whole =
  (name: keyof Flags, low: number, high: number): Read =>
  (value, flags) => {
    const read = number(value, low, high)
    if (read === null || !Number.isInteger(read)) return `takes a whole number from ${low} to ${high}`
    Object.assign(flags, { [name]: read })
    return undefined
  }

const ratio: Read = (value, flags) => {
  const match = /^(\d{1,4}):(\d{1,4})$/.exec(value)
  const [a, b] = [Number(match?.[1]), Number(match?.[2])]
  if (!match || a < 1 || b < 1 || a / b > 8 || b / a > 8) return 'takes a ratio such as 3:2, at most 8:1'
  flags.ratio = [a, b]
  return undefined
}

const guidance: Read = (value, flags) => {
  const read = number(value, 0, 100)
  if (read === null) return 'takes a number from 0 to 100'
  flags.guidance = Math.round(read * 1_000) / 1_000
  return undefined
}

const scheduler: Read = (value, flags) => {
  const name = value.toLowerCase().replace(/[ +-]+/g, '_')
  if (!SCHEDULERS.some(([known]) => known === name)) {
    return `takes one of ${SCHEDULERS.map(([known]) => known).join(', ')}`
  }
  flags.scheduler = name
  return undefined
}

const negative: Read = (value, flags) => {
  if (value === '') return 'says what to keep away, for example --no text'
  flags.negative = flags.negative ? `${flags.negative}, ${value}` : value
  return undefined
}

/** 0 to 3, as there: 3 keeps the most of the picture that is started from. */
const imageWeight: Read = (value, flags) => {
  const read = number(value, 0, 3)
  if (read === null) return 'takes a number from 0 to 3'
  flags.imageWeight = read
  return undefined
}

const READERS: Record<string, Read> = {
  ar: ratio,
  aspect: ratio,
  seed: whole('seed', 0, 4_294_967_295),
  no: negative,
  steps: whole('steps', 1, 150),
  cfg: guidance,
  guidance,
  scheduler,
  sampler: scheduler,
  n: whole('images', 1, 4),
  repeat: whole('repeat', 1, REPEAT_MAX),
  r: whole('repeat', 1, REPEAT_MAX),
  iw: imageWeight,
  w: whole('width', 8, 2_048),
  width: whole('width', 8, 2_048),
  h: whole('height', 8, 2_048),
  height: whole('height', 8, 2_048),
}

/** Flags of Midjourney that Stable Diffusion has nothing for, each with what comes nearest. */
const ELSEWHERE: Record<string, string> = {
  chaos: 'use --n 4 for four seeds',
  c: 'use --n 4 for four seeds',
  stylize: 'use --cfg for how strictly the prompt is kept',
  s: 'use --cfg for how strictly the prompt is kept',
  q: 'use --steps',
  quality: 'use --steps',
  v: 'choose the model above',
  version: 'choose the model above',
  niji: 'choose the model above',
  tile: 'tiling pictures are not drawn in the exact profile',
  fast: 'the price decides who is drawn first',
  relax: 'the price decides who is drawn first',
  turbo: 'the price decides who is drawn first',
  stop: 'use fewer --steps',
  sref: 'start from a picture instead',
  cref: 'start from a picture instead',
  weird: 'there is nothing like it',
  raw: 'prompts are always taken as they are',
  style: 'prompts are always taken as they are',
}

/** Splits what was typed into the prompt and its flags. An em dash is what some keyboards make of two hyphens. */
export function parsePrompt(text: string): Parsed {
  const parts = text.split(/(?:^|\s)(?:--|—)(?=[A-Za-z])/)
  const flags: Flags = {}
  const problems: string[] = []
  for (const part of parts.slice(1)) {
    const [name = '', ...rest] = part.trim().split(/\s+/)
    const key = name.toLowerCase()
    const value = rest.join(' ')
    const read = Object.hasOwn(READERS, key) ? READERS[key] : undefined
    if (!read) {
      problems.push(`--${key} is not known here${Object.hasOwn(ELSEWHERE, key) ? `: ${ELSEWHERE[key]}` : ''}.`)
      continue
    }
    // All but --no take one word; more is text that was meant to stand before the flags.
    if (read !== negative && rest.length > 1) {
      problems.push(`Write the prompt before the flags: “${rest.slice(1).join(' ').slice(0, 60)}” stands after --${key}.`)
      continue
    }
    const wrong = read(value, flags)
    if (wrong) problems.push(`--${key} ${wrong}.`)
  }
  return { prompt: (parts[0] ?? '').trim(), flags, problems }
}

/** A size of this ratio with about the model's usual number of pixels. */
export function sizeOf(
  [a, b]: [number, number],
  model: { size_multiple: number; size_max: number; test_size: { height: number; width: number } },
): { height: number; width: number } {
  const { size_multiple: multiple, size_max: max, test_size: usual } = model
  const area = usual.height * usual.width
  const fit = (side: number) => Math.min(max - (max % multiple), Math.max(multiple, Math.round(side / multiple) * multiple))
  return { width: fit(Math.sqrt((area * a) / b)), height: fit(Math.sqrt((area * b) / a)) }
}
