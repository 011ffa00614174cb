// What is being composed: kept by the browser, and filled in by other pages ("start from this picture").

import { keptStore } from '../chain/store'
import { type GenerationParams, type ModelRecord, type NetworkInfo, SCHEDULERS, type ValidatorInfo } from '../chain/types'
import { type Flags, type Parsed, parsePrompt, sizeOf } from '../prompt/flags'

export interface Draft {
  text: string
  negative: string
  ratio: string
  steps: number
  guidance: number
  scheduler: string
  images: number
  /** Nothing: another one each time. */
  seed: number | null
  model: string | null
  /** The hash of a picture of this node to start from. */
  init: string | null
  /** Thousandths. */
  strength: number
  unlisted: boolean
}

export const RATIOS = [
  ['1:1', 'Square'],
  ['3:2', 'Landscape'],
  ['2:3', 'Portrait'],
  ['16:9', 'Wide'],
] as const

const EMPTY: Draft = {
  text: '',
  negative: '',
  ratio: '1:1',
  steps: 20,
  guidance: 7.5,
  scheduler: 'ddim',
  images: 1,
  seed: null,
  model: null,
  init: null,
  strength: 600,
  unlisted: false,
}

/** What was kept has the type of its default, or is not used. */
function read(value: unknown): Draft | null {
  if (typeof value !== 'object' || value === null) return null
  const kept = value as Record<string, unknown>
  const nullable: (keyof Draft)[] = ['seed', 'model', 'init']
  const fits = (name: keyof Draft) =>
    typeof kept[name] === typeof EMPTY[name] ||
    (nullable.includes(name) && (kept[name] === null || typeof kept[name] === (name === 'seed' ? 'number' : 'string')))
  const names = Object.keys(EMPTY) as (keyof Draft)[]
  return Object.fromEntries(names.map((name) => [name, fits(name) ? kept[name] : EMPTY[name]])) as unknown as Draft
}

export const draft = keptStore<Draft>('dfsn.draft', EMPTY, read)

export const change = (part: Partial<Draft>): void => draft.set((last) => ({ ...last, ...part }))

/** A draft that was read: what to ask for, or what is wrong with it. */
export interface Composed {
  parsed: Parsed
  params: GenerationParams | null
  repeat: number
  problems: string[]
}

const BYTES_MAX = 2_048
const bytes = (text: string): number => new TextEncoder().encode(text).length

/** The model that is chosen, else the first that somebody serves, else the first. */
export function modelOf(draft: Draft, network: NetworkInfo, validators: ValidatorInfo[]): ModelRecord | undefined {
  const isServed = ({ id }: ModelRecord) => validators.some(({ pairs }) => pairs.some(({ pair }) => pair.model === id))
  return (
    network.models.find(({ id }) => id === draft.model) ?? network.models.find(isServed) ?? network.models[0]
  )
}

/** The profile that most validators serve the model in. */
export function profileOf(model: string, validators: ValidatorInfo[]): string | undefined {
  const counts = new Map<string, number>()
  for (const { pairs } of validators) {
    for (const { pair, status } of pairs) {
      if (pair.model === model) counts.set(pair.profile, (counts.get(pair.profile) ?? 0) + (status === 'active' ? 1 : 0.01))
    }
  }
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0]
}

/** Flags in the text win over what is set beside it. */
export function compose(draft: Draft, model: ModelRecord | undefined, profile: string | undefined): Composed {
  const parsed = parsePrompt(draft.text)
  const { flags } = parsed
  const problems = [...parsed.problems]
  const settings = merge(draft, flags)
  if (bytes(parsed.prompt) > BYTES_MAX) problems.push(`The prompt has ${bytes(parsed.prompt)} bytes, ${BYTES_MAX} are allowed.`)
  if (bytes(settings.negative) > BYTES_MAX) problems.push(`What to keep away is longer than ${BYTES_MAX} bytes.`)
  if (!model || !profile) return { parsed, params: null, repeat: settings.repeat, problems }
  const size = sizeFor(settings, flags, model, problems)
  const strength = draft.init ? (flags.imageWeight === undefined ? draft.strength : weightToStrength(flags.imageWeight)) : 1_000
  if (draft.init && settings.steps * strength < 1_000) problems.push('With so little change no step is left: raise it, or the steps.')
  const params: GenerationParams = {
    model: model.id,
    profile,
    prompt: parsed.prompt,
    negative_prompt: settings.negative,
    seed: settings.seed ?? 0,
    num_inference_steps: settings.steps,
    guidance_scale: Math.round(settings.guidance * 1_000),
    strength,
    scheduler: settings.scheduler,
    size,
    num_images: settings.images,
    init_image: draft.init,
  }
  return { parsed, params: problems.length > 0 ? null : params, repeat: settings.repeat, problems }
}

interface Settings {
  negative: string
  ratio: string
  steps: number
  guidance: number
  scheduler: string
  images: number
  seed: number | null
  repeat: number
}

function merge(draft: Draft, flags: Flags): Settings {
  return {
    negative: flags.negative ?? draft.negative.trim(),
    ratio: flags.ratio?.join(':') ?? draft.ratio,
    steps: flags.steps ?? draft.steps,
    guidance: flags.guidance ?? draft.guidance,
    scheduler: flags.scheduler ?? draft.scheduler,
    images: flags.images ?? draft.images,
    seed: flags.seed ?? draft.seed,
    repeat: flags.repeat ?? 1,
  }
}

function sizeFor({ ratio }: Settings, flags: Flags, model: ModelRecord, problems: string[]): { height: number; width: number } {
  const [a = 1, b = 1] = ratio.split(':').map(Number)
  const size = sizeOf([a, b], model)
  if (flags.width !== undefined) size.width = flags.width
  if (flags.height !== undefined) size.height = flags.height
  const { size_multiple: multiple, size_max: max } = model
  for (const side of [size.width, size.height]) {
    if (side % multiple !== 0 || side > max) {
      problems.push(`${model.name} draws sides that are multiples of ${multiple}, ${max} at most; ${side} is not.`)
    }
  }
  return size
}

/** Midjourney's image weight, 0 to 3, as a strength: the more weight, the less is changed. */
const weightToStrength = (weight: number): number => Math.round(1_000 - (weight / 3) * 900)

/** Seeds of which each image of a request has its own. */
export const randomSeed = (): number => crypto.getRandomValues(new Uint32Array(1))[0] ?? 0

/** Everything that decides a picture, as a prompt with flags: typed in again, it gives the same. */
export function toFlags(params: GenerationParams, image = 0): string {
  const { size, seed, num_inference_steps: steps, guidance_scale: guidance, scheduler } = params
  const negative = params.negative_prompt ? ` --no ${params.negative_prompt}` : ''
  const flags = `--w ${size.width} --h ${size.height} --seed ${(seed + image) % 2 ** 32} --steps ${steps}`
  const drawn = SCHEDULERS.some(([name]) => name === scheduler) ? ` --scheduler ${scheduler}` : ''
  return `${params.prompt} ${flags} --cfg ${guidance / 1_000}${drawn}${negative}`.trim()
}
