// Work of a request (rules JOB-03, GEN-07), to compare prices per unit of others' requests.

import type { GenerationParams, ModelRecord } from '../chain/types'

type Counted = Pick<
  GenerationParams,
  'size' | 'guidance_scale' | 'init_image' | 'num_inference_steps' | 'strength' | 'scheduler' | 'num_images'
>

export function workUnits({ work, vae_scale_factor: scale }: Pick<ModelRecord, 'work' | 'vae_scale_factor'>, asked: Counted): number {
  const px = (asked.size.height / scale) * (asked.size.width / scale)
  const passes = asked.guidance_scale > 1_000 ? 2 : 1
  const steps = asked.num_inference_steps
  const executed = asked.init_image ? Math.floor((steps * asked.strength) / 1_000) : steps
  const evaluations = executed + (asked.scheduler === 'pndm' && steps > 1 ? 1 : 0)
  const step = work.a * px + Math.floor((work.b * px * px) / 65_536)
  return asked.num_images * (evaluations * passes * step + work.d * px) + work.t
}
