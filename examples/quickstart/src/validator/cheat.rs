//! Misbehaviour on demand, to see what it costs.

use std::sync::OnceLock;

use dfsn_compute::{ComputeError, DecodedImage, ImageRequest, noise};
use dfsn_consensus::operator::Task;
use dfsn_types::Address;

use super::ValidatorNode;
use super::work::Drawn;
use crate::cli::Cheat;

/// Who cheats, and how: the first worker drawn, or the first auditor that answers.
#[derive(Debug)]
pub(crate) struct CheatPlan {
    cheat: Cheat,
    culprit: OnceLock<Address>,
}

impl CheatPlan {
    /// A plan without a culprit yet.
    pub(crate) const fn new(cheat: Cheat) -> Self {
        Self { cheat, culprit: OnceLock::new() }
    }

    /// The misbehaving validator, once it is known.
    pub(crate) fn culprit(&self) -> Option<Address> {
        self.culprit.get().copied()
    }

    pub(super) fn worker_drawn(&self, worker: Address) {
        if !matches!(self.cheat, Cheat::None | Cheat::LazyAuditor) {
            self.culprit.get_or_init(|| worker);
        }
    }

    /// How a worker cheats while drawing, if it does.
    pub(super) fn drawing(&self, worker: Address) -> Option<Cheat> {
        let draws_honestly = matches!(self.cheat, Cheat::None | Cheat::Withhold | Cheat::LazyAuditor);
        (self.culprit() == Some(worker) && !draws_honestly).then_some(self.cheat)
    }

    pub(super) fn withholds(&self, worker: Address) -> bool {
        self.cheat == Cheat::Withhold && self.culprit() == Some(worker)
    }

    pub(super) fn answers_lazily(&self, auditor: Address) -> bool {
        self.cheat == Cheat::LazyAuditor && *self.culprit.get_or_init(|| auditor) == auditor
    }
}

impl ValidatorNode {
    /// What a dishonest worker commits to; nothing for a silent one.
    pub(super) async fn draw_dishonestly(
        &self,
        task: &Task,
        cheat: Cheat,
    ) -> Result<Option<Drawn>, ComputeError> {
        match cheat {
            Cheat::Garbage => garbage(self, task).map(Some),
            Cheat::OtherSeed => {
                let other = |request: ImageRequest| ImageRequest {
                    seed: request.seed.wrapping_add(1_000),
                    ..request
                };
                self.draw(task, other).await.map(Some)
            }
            Cheat::FewerSteps => {
                let steps = task.params.executed_steps();
                let fewer = |request: ImageRequest| ImageRequest {
                    num_inference_steps: steps.div_ceil(2),
                    ..request
                };
                let drawn = self.draw(task, fewer).await?;
                Ok(Some(
                    drawn.into_iter().map(|(picture, states)| (picture, stretch(states, steps))).collect(),
                ))
            }
            Cheat::FlippedBit => {
                let drawn = self.draw(task, |request| request).await?;
                let flipped = |mut states: Vec<Vec<u8>>| {
                    // In the middle of a mantissa, where nobody would see it.
                    states
                        .iter_mut()
                        .rev()
                        .take(2)
                        .filter_map(|state| state.get_mut(1))
                        .for_each(|byte| *byte ^= 1);
                    states
                };
                Ok(Some(drawn.into_iter().map(|(picture, states)| (picture, flipped(states))).collect()))
            }
            Cheat::Silent => Ok(None),
            Cheat::None | Cheat::Withhold | Cheat::LazyAuditor => {
                self.draw(task, |request| request).await.map(Some)
            }
        }
    }
}

/// Fills a trace of half the steps up to full length: each state stands twice.
fn stretch(states: Vec<Vec<u8>>, steps: u16) -> Vec<Vec<u8>> {
    let last = states.len().saturating_sub(1);
    let of = |t: usize| states[t.div_ceil(2).min(last.saturating_sub(1))].clone();
    let mut stretched: Vec<Vec<u8>> = (0..=usize::from(steps)).map(of).collect();
    stretched.extend(states.get(last).cloned());
    stretched
}

/// Noise instead of states and pixels, of the right length, made without the model.
fn garbage(node: &ValidatorNode, task: &Task) -> Result<Drawn, ComputeError> {
    let config = node.worker.config();
    let factor = config.vae_scale_factor();
    let (height, width) = (task.params.height(), task.params.width());
    let latents = config.unet.in_channels as usize * (height / factor) as usize * (width / factor) as usize;
    let bytes =
        |numbers: Vec<f32>| numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>();
    let mut drawn = Vec::new();
    for image in 0..task.params.num_images() {
        let boundary = |t: u16| {
            bytes(noise::randn(u32::from(t).wrapping_mul(977).wrapping_add(u32::from(image)), latents))
        };
        let mut states: Vec<Vec<u8>> = (0..=task.params.executed_steps()).map(boundary).collect();
        let pixels = noise::randn(u32::from(image) ^ 0xdead, 3 * height as usize * width as usize);
        let decoded = DecodedImage::new(height, width, pixels)?;
        states.push(decoded.to_bytes());
        drawn.push((Ok(decoded.to_rgb()), states));
    }
    Ok(drawn)
}
