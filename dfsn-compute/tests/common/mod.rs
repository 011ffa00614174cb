//! What both test programs use: the files at hand, and a backend of a few formulas for what needs no real networks.

use std::path::{Path, PathBuf};
use std::time::Duration;

use dfsn_compute::{
    Backend, ComputeError, Conditioning, LatentDistribution, LatentShape, ModelConfig, Pipeline,
    TextEncoding, TextInput,
};
use dfsn_types::{BoundedString, ProfileRecord};

/// The embedded model.
pub(crate) fn emoji_64() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/emoji-64")
}

pub(crate) fn golden_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// Computes something that depends on every input.
#[derive(Debug, Default)]
pub(crate) struct ToyBackend {
    /// Gives NaN at this timestep.
    pub(crate) nan_at: Option<f32>,
    /// Time that each prediction takes.
    pub(crate) delay: Duration,
}

impl Backend for ToyBackend {
    fn profile(&self) -> ProfileRecord {
        let name = |text: &str| BoundedString::new(text).unwrap();
        ProfileRecord::Float {
            library: name("toy"),
            device: name("cpu"),
            instruction_set: BoundedString::new("any").unwrap(),
            dtype: BoundedString::new("f32").unwrap(),
            threads: 1,
        }
    }

    fn encode_text(&mut self, text: &TextInput<'_>) -> Result<TextEncoding, ComputeError> {
        let embeddings = text.token_ids.iter().map(|&id| (id % 97) as f32 / 97.0).collect();
        Ok(TextEncoding { embeddings, pooled: None })
    }

    fn predict_noise(
        &mut self,
        sample: &[f32],
        _shape: LatentShape,
        timestep: f32,
        conditioning: &Conditioning,
    ) -> Result<Vec<f32>, ComputeError> {
        std::thread::sleep(self.delay);
        let scale = if self.nan_at == Some(timestep) { f32::NAN } else { timestep / (timestep + 1.0) };
        let mut prediction = Vec::new();
        for text in conditioning.embeddings.chunks(conditioning.tokens) {
            let shift = text.iter().sum::<f32>() / 1000.0;
            prediction.extend(sample.iter().map(|x| x * scale + shift));
        }
        Ok(prediction)
    }

    fn encode(&mut self, image: &[f32], height: u32, width: u32) -> Result<LatentDistribution, ComputeError> {
        let count = 4 * (height / 4 * (width / 4)) as usize;
        let mean: Vec<f32> = image.iter().cycle().step_by(5).take(count).copied().collect();
        Ok(LatentDistribution { std: mean.iter().map(|mean| mean.abs() / 2.0).collect(), mean })
    }

    fn decode(&mut self, latents: &[f32], shape: LatentShape) -> Result<Vec<f32>, ComputeError> {
        let plane = (shape.height * shape.width) as usize;
        let factor = 4;
        let width = shape.width as usize;
        let mut values = Vec::new();
        for channel in latents.chunks(plane).take(3) {
            for row in channel.chunks(width) {
                let wide: Vec<f32> = row.iter().flat_map(|&x| [x; 4]).collect();
                (0..factor).for_each(|_| values.extend(&wide));
            }
        }
        Ok(values)
    }
}

pub(crate) fn toy_pipeline(backend: ToyBackend) -> Pipeline<ToyBackend> {
    Pipeline::new(ModelConfig::load(emoji_64()).unwrap(), backend).unwrap()
}
