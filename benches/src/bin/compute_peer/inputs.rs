//! What all sides compute with, in a file that the first of them writes.

use std::collections::HashMap;
use std::path::Path;

use dfsn_compute::{Backend, Conditioning, ImageRequest, LatentShape, Pipeline, TextInput, noise};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};

use crate::Result;

type AnyPipeline = Pipeline<Box<dyn Backend>>;

/// A step in the middle of the schedule.
const TIMESTEP: f32 = 501.0;

pub(crate) struct Inputs {
    pub(crate) request: ImageRequest,
    pub(crate) ids: Vec<u32>,
    pub(crate) sample: Vec<f32>,
    pub(crate) shape: LatentShape,
    pub(crate) timestep: f32,
    pub(crate) conditioning: Conditioning,
    /// What the first side found, by rows.
    pub(crate) expected: HashMap<String, Vec<f32>>,
    negative_ids: Vec<u32>,
}

/// What a picture is asked for with, in the file's metadata.
#[derive(Serialize, Deserialize)]
struct Picture {
    prompt: String,
    negative_prompt: String,
    guidance_scale: f32,
}

impl Picture {
    fn request(self, pipeline: &AnyPipeline, shape: LatentShape, steps: u16) -> ImageRequest {
        let factor = pipeline.config().vae_scale_factor();
        ImageRequest {
            prompt: self.prompt,
            negative_prompt: self.negative_prompt,
            guidance_scale: self.guidance_scale,
            num_inference_steps: steps,
            height: shape.height * factor,
            width: shape.width * factor,
            ..ImageRequest::for_model(pipeline.config())
        }
    }
}

impl Inputs {
    /// As the peer of diffusers makes them.
    pub(crate) fn new(pipeline: &mut AnyPipeline, size: u32, steps: u16) -> Result<Self> {
        let picture = Picture {
            prompt: "a fox on a blue background".to_owned(),
            negative_prompt: "blurry".to_owned(),
            guidance_scale: 4.0,
        };
        let side = size / pipeline.config().vae_scale_factor();
        let channels = pipeline.config().vae.latent_channels;
        let shape = LatentShape { channels, height: side, width: side };
        let encode = |prompt: &str| pipeline.tokenizer().encode(prompt).ids;
        let (ids, negative_ids) = (encode(&picture.prompt), encode(&picture.negative_prompt));
        let mut embeddings = Vec::new();
        for ids in [&negative_ids, &ids] {
            embeddings.extend(pipeline.backend_mut().encode_text(&TextInput::new(0, ids))?.embeddings);
        }
        Ok(Self {
            request: picture.request(pipeline, shape, steps),
            sample: noise::randn(1, shape.count()),
            shape,
            timestep: TIMESTEP,
            conditioning: Conditioning { embeddings, prompts: 2, tokens: ids.len(), added: None },
            expected: HashMap::new(),
            ids,
            negative_ids,
        })
    }

    pub(crate) fn load(bytes: &[u8], pipeline: &AnyPipeline, steps: u16) -> Result<Self> {
        let (_, metadata) = SafeTensors::read_metadata(bytes)?;
        let picture = metadata.metadata().as_ref().and_then(|metadata| metadata.get("picture"));
        let picture: Picture = serde_json::from_str(picture.ok_or("the inputs lack \"picture\"")?)?;
        let tensors = SafeTensors::deserialize(bytes)?;
        let words = |name: &str| -> Result<Vec<[u8; 4]>> {
            Ok(tensors.tensor(name)?.data().as_chunks::<4>().0.to_vec())
        };
        let floats = |name: &str| -> Result<Vec<f32>> {
            Ok(words(name)?.into_iter().map(f32::from_le_bytes).collect())
        };
        let tokens = |name: &str| -> Result<Vec<u32>> {
            Ok(words(name)?.into_iter().map(u32::from_le_bytes).collect())
        };
        let sides = tensors.tensor("sample")?.shape().to_vec();
        let [_, channels, height, width] = sides[..] else {
            return Err(format!("a sample of shape {sides:?} has not four dimensions").into());
        };
        let shape = LatentShape {
            channels: channels.try_into()?,
            height: height.try_into()?,
            width: width.try_into()?,
        };
        const OTHERS: [&str; 5] = ["ids", "negative_ids", "text", "sample", "timestep"];
        let rows = tensors.names().into_iter().filter(|name| !OTHERS.contains(name));
        let expected = rows.map(|row| Ok((row.to_owned(), floats(row)?))).collect::<Result<_>>()?;
        let ids = tokens("ids")?;
        Ok(Self {
            request: picture.request(pipeline, shape, steps),
            sample: floats("sample")?,
            shape,
            timestep: floats("timestep")?.first().copied().ok_or("the inputs' timestep is empty")?,
            conditioning: Conditioning {
                embeddings: floats("text")?,
                prompts: 2,
                tokens: ids.len(),
                added: None,
            },
            expected,
            ids,
            negative_ids: tokens("negative_ids")?,
        })
    }

    pub(crate) fn save(&self, file: &Path) -> Result<()> {
        let floats = |numbers: &[f32]| numbers.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
        let tokens = |ids: &[u32]| ids.iter().flat_map(|id| id.to_le_bytes()).collect::<Vec<u8>>();
        let LatentShape { channels, height, width } = self.shape;
        let count = self.ids.len();
        let text = &self.conditioning.embeddings;
        let mut tensors = vec![
            ("ids", Dtype::I32, vec![count], tokens(&self.ids)),
            ("negative_ids", Dtype::I32, vec![count], tokens(&self.negative_ids)),
            ("text", Dtype::F32, vec![2, count, text.len() / (2 * count)], floats(text)),
            (
                "sample",
                Dtype::F32,
                vec![1, channels as usize, height as usize, width as usize],
                floats(&self.sample),
            ),
            ("timestep", Dtype::F32, vec![1], floats(&[self.timestep])),
        ];
        tensors.extend(
            self.expected
                .iter()
                .map(|(row, result)| (row.as_str(), Dtype::F32, vec![result.len()], floats(result))),
        );
        let views = tensors
            .iter()
            .map(|(name, dtype, shape, bytes)| Ok((*name, TensorView::new(*dtype, shape.clone(), bytes)?)))
            .collect::<Result<Vec<_>>>()?;
        let picture = Picture {
            prompt: self.request.prompt.clone(),
            negative_prompt: self.request.negative_prompt.clone(),
            guidance_scale: self.request.guidance_scale,
        };
        let metadata = HashMap::from([("picture".to_owned(), serde_json::to_string(&picture)?)]);
        Ok(safetensors::serialize_to_file(views, Some(metadata), file)?)
    }
}
