//! How long a job will take, from what was measured.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dfsn_types::{GenerationParams, TraceShape};

use super::wire::Speed;

/// Sizes of pictures that measurements are kept of, for each model.
const SIZES_KEPT: usize = 64;
/// Part of a new measurement in the running mean.
const WEIGHT: f64 = 0.25;
/// Estimates are measured means and this part more: a node that is late pays for it.
const MARGIN: f64 = 1.15;
/// What a step costs beyond its share when a picture grows: attention looks from every pixel at every other.
const GROWTH: f64 = 1.25;
/// A step without guidance, as part of one with it, until it is measured.
const UNGUIDED: f64 = 0.6;
/// What each chunk of a prompt after the first adds to an evaluation: cross-attention looks at as many more tokens. Counted in
/// products it is half a percent of Stable Diffusion 1.5 at 512x512, but attention runs slower than convolutions do.
const CHUNK: f64 = 0.02;

/// Running means of one model's speed, in microseconds.
#[derive(Debug)]
pub(super) struct ModelSpeed {
    measured: Speed,
    means: Mutex<Means>,
}

#[derive(Debug, Default)]
struct Means {
    /// Of one evaluation of the UNet with prompts of one chunk, by pixels and guidance.
    evaluations: BTreeMap<(u64, bool), f64>,
    /// By pixels.
    decodes: BTreeMap<u64, f64>,
}

impl ModelSpeed {
    /// From the benchmark at the model's own size.
    pub(super) fn new(measured: Speed) -> Self {
        let pixels = u64::from(measured.side).pow(2);
        let means = Means {
            evaluations: BTreeMap::from([((pixels, true), measured.step_us as f64)]),
            decodes: BTreeMap::from([(pixels, measured.decode_us as f64)]),
        };
        Self { measured, means: Mutex::new(means) }
    }

    pub(super) const fn measured(&self) -> Speed {
        self.measured
    }

    /// An evaluation of the UNet for a picture of this many pixels, with prompts of `chunks` chunks, took so long.
    pub(super) fn evaluated(&self, pixels: u64, is_guided: bool, chunks: u32, took: Duration) {
        learn(&mut self.means().evaluations, (pixels, is_guided), took.div_f64(chunk_factor(chunks)));
    }

    /// So did its decoding.
    pub(super) fn decoded(&self, pixels: u64, took: Duration) {
        learn(&mut self.means().decodes, pixels, took);
    }

    /// How long a request takes when nothing waits before it; its prompts have `chunks` chunks.
    pub(super) fn estimate(&self, params: &GenerationParams, chunks: u32) -> Duration {
        let costs = self.costs(params, chunks);
        let evaluations = f64::from(params.evaluations()) * costs.evaluation;
        let images = f64::from(params.num_images());
        with_margin(images * (costs.prepare + evaluations + costs.decode))
    }

    /// How long an audit's question takes about state `t` of one of a request's pictures.
    pub(super) fn estimate_question(&self, params: &GenerationParams, chunks: u32, t: u16) -> Duration {
        let costs = self.costs(params, chunks);
        // Some schedulers evaluate one of their steps twice.
        let most = params.evaluations().div_ceil(u32::from(params.executed_steps()).max(1));
        with_margin(match t {
            0 => costs.prepare,
            t if t == TraceShape::of(params).decoded() => costs.prepare + costs.decode,
            _ => costs.prepare + f64::from(most) * costs.evaluation,
        })
    }

    fn costs(&self, params: &GenerationParams, chunks: u32) -> Costs {
        let pixels = u64::from(params.height()) * u64::from(params.width());
        let is_guided = params.guidance_scale().is_guided();
        let means = self.means();
        let of = |guided: bool| {
            let known = means.evaluations.iter().filter(move |((_, g), _)| *g == guided);
            scaled(known.map(|((pixels, _), us)| (*pixels, *us)), pixels)
        };
        let evaluation = match (of(is_guided), is_guided) {
            (Some(us), _) => us,
            (None, false) => of(true).unwrap_or_default() * UNGUIDED,
            (None, true) => of(false).unwrap_or_default() / UNGUIDED,
        };
        let decode = scaled(means.decodes.iter().map(|(p, us)| (*p, *us)), pixels).unwrap_or_default();
        // A picture to start from goes through an encoder that does less than the decoder.
        let encode = if params.init_image().is_some() { decode } else { 0.0 };
        let text = f64::from(chunks) * self.measured.text_us as f64;
        Costs { prepare: text + encode, evaluation: evaluation * chunk_factor(chunks), decode }
    }

    fn means(&self) -> MutexGuard<'_, Means> {
        self.means.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Of one picture, in microseconds.
struct Costs {
    /// Its texts and the picture that it starts from.
    prepare: f64,
    /// One evaluation of the UNet.
    evaluation: f64,
    decode: f64,
}

fn with_margin(us: f64) -> Duration {
    // At most 604 evaluations; a time beyond what fits is beyond every deadline, too.
    Duration::try_from_secs_f64(us * MARGIN / 1e6).unwrap_or(Duration::MAX / 4096)
}

/// An evaluation with prompts of this many chunks, as part of one with a single chunk.
fn chunk_factor(chunks: u32) -> f64 {
    1.0 + CHUNK * f64::from(chunks.saturating_sub(1))
}

fn learn<K: Ord + Copy>(means: &mut BTreeMap<K, f64>, key: K, took: Duration) {
    let us = took.as_secs_f64() * 1e6;
    if let Some(mean) = means.get_mut(&key) {
        *mean += WEIGHT * (us - *mean);
    } else if means.len() < SIZES_KEPT {
        means.insert(key, us);
    }
}

/// The measurement of the nearest size, brought to this one.
fn scaled(known: impl Iterator<Item = (u64, f64)>, pixels: u64) -> Option<f64> {
    let (nearest, us) = known.min_by_key(|(known, _)| known.abs_diff(pixels))?;
    let ratio = pixels as f64 / nearest.max(1) as f64;
    Some(us * if ratio > 1.0 { ratio.powf(GROWTH) } else { ratio })
}

#[cfg(test)]
mod tests {
    use super::*;
    use dfsn_types::{FileHash, ImageSize, ModelId, ProfileId, SchedulerKind, Strength};

    fn params(side: u16, steps: u16, guidance: u32) -> GenerationParams {
        let (model, profile) = (ModelId::from_bytes([1; 32]), ProfileId::from_bytes([2; 32]));
        GenerationParams::builder(model, profile, "", ImageSize::new(side, side).unwrap())
            .num_inference_steps(steps)
            .guidance_thousandths(guidance)
            .build()
            .unwrap()
    }

    fn speed() -> ModelSpeed {
        ModelSpeed::new(Speed { side: 512, step_us: 100_000, text_us: 10_000, decode_us: 200_000 })
    }

    #[test]
    fn estimates_add_up_and_keep_a_margin() {
        let seconds = speed().estimate(&params(512, 20, 7_500), 1).as_secs_f64();
        assert!((seconds - 2.21 * MARGIN).abs() < 1e-6, "{seconds}");
    }

    #[test]
    fn a_picture_to_start_from_is_encoded_and_spares_steps() {
        let (model, profile) = (ModelId::from_bytes([1; 32]), ProfileId::from_bytes([2; 32]));
        let of = |scheduler| {
            let size = ImageSize::new(512, 512).unwrap();
            GenerationParams::builder(model, profile, "", size)
                .init_image(FileHash::from_bytes([3; 32]), Strength::from_thousandths(500).unwrap())
                .scheduler(scheduler)
        };
        // Ten of twenty steps, encoding as long as decoding.
        let seconds = |params: &GenerationParams| speed().estimate(params, 1).as_secs_f64();
        let ddim = seconds(&of(SchedulerKind::Ddim).build().unwrap());
        assert!((ddim - 1.41 * MARGIN).abs() < 1e-6, "{ddim}");
        // PNDM evaluates one of its steps twice.
        let pndm = of(SchedulerKind::Pndm).build().unwrap();
        let expected = (0.41 + 0.1 * f64::from(pndm.evaluations())) * MARGIN;
        assert!((seconds(&pndm) - expected).abs() < 1e-6);
    }

    #[test]
    fn long_prompts_are_encoded_in_chunks_and_slow_every_step() {
        let seconds = |chunks| speed().estimate(&params(512, 20, 7_500), chunks).as_secs_f64();
        let expected = (2.0 * (1.0 + 7.0 * CHUNK) + 0.08 + 0.2) * MARGIN;
        assert!((seconds(8) - expected).abs() < 1e-6, "{}", seconds(8));
        // What they teach holds for short ones, too.
        let speed = speed();
        let slow = Duration::from_millis(200).mul_f64(1.0 + 7.0 * CHUNK);
        (0..100).for_each(|_| speed.evaluated(512 * 512, true, 8, slow));
        let short = speed.estimate(&params(512, 20, 7_500), 1).as_secs_f64();
        assert!((short - 4.21 * MARGIN).abs() < 1e-6, "{short}");
    }

    #[test]
    fn a_question_is_a_preparation_and_a_step_or_a_decoding() {
        let params = params(512, 20, 7_500);
        let at = |t| speed().estimate_question(&params, 1, t).as_secs_f64();
        for (t, expected) in [(0, 0.01), (1, 0.11), (20, 0.11), (TraceShape::of(&params).decoded(), 0.21)] {
            assert!((at(t) - expected * MARGIN).abs() < 1e-6, "{t}: {}", at(t));
        }
    }

    #[test]
    fn larger_pictures_take_more_than_their_share_and_smaller_ones_their_share() {
        let at = |side| speed().estimate(&params(side, 150, 7_500), 1).as_secs_f64();
        assert!(at(1024) > 4.5 * at(512));
        assert!(at(256) > 0.2 * at(512) && at(256) < 0.3 * at(512));
    }

    #[test]
    fn measurements_replace_guesses() {
        let speed = speed();
        let before = speed.estimate(&params(512, 20, 1_000), 1);
        speed.evaluated(512 * 512, false, 1, Duration::from_millis(90));
        assert!(speed.estimate(&params(512, 20, 1_000), 1) > before);
        (0..50).for_each(|_| speed.evaluated(512 * 512, true, 1, Duration::from_millis(10)));
        assert!(speed.estimate(&params(512, 20, 7_500), 1) < Duration::from_millis(700));
    }

    #[test]
    fn sizes_that_are_remembered_are_bounded() {
        let speed = speed();
        (0..1_000).for_each(|pixels| speed.decoded(pixels, Duration::from_millis(1)));
        assert_eq!(speed.means().decodes.len(), SIZES_KEPT);
    }
}
