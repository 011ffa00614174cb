//! Where each network's weights are: a diffusers folder, or one file of the original releases.

use std::rc::Rc;

use super::{Files, LdmUNet, Naming, Network, UNET_PREFIX, VAE_PREFIX, WeightsError};
use crate::config::{Family, ModelConfig};
use crate::error::ComputeError;

/// The weights of all networks of a model.
#[derive(Debug)]
pub(crate) struct Networks {
    pub(crate) text_encoder: Network,
    pub(crate) text_encoder_2: Option<Network>,
    pub(crate) unet: Network,
    pub(crate) vae: Network,
}

/// Prefixes of the text encoders in single files: first Stable Diffusion 1, then 2, then XL's two.
pub(crate) const CLIP_PREFIXES: [&str; 2] =
    ["cond_stage_model.transformer.", "conditioner.embedders.0.transformer."];
pub(crate) const OPEN_CLIP_PREFIXES: [&str; 2] =
    ["cond_stage_model.model.", "conditioner.embedders.1.model."];

/// What else original releases hold: averages of weights over training, and the noise schedule.
const OTHERS: [&str; 3] = ["model_ema.", "denoiser.", "loss."];

impl Networks {
    /// Opens the files.
    pub(crate) fn open(config: &ModelConfig) -> Result<Self, ComputeError> {
        match &config.checkpoint {
            None => Self::folder(config),
            Some(file) => Ok(Self::single_file(config, Files::single(&file.into())?)?),
        }
    }

    fn folder(config: &ModelConfig) -> Result<Self, ComputeError> {
        let files = |part: &str, stem: &str| Files::open(&config.dir.join(part), stem).map(Rc::new);
        let clip = |part: &str| {
            let files = files(part, "model")?;
            let is_bare = !files.has("text_model.final_layer_norm.weight");
            let naming = if is_bare { Naming::BareClip } else { Naming::Plain };
            Ok::<_, ComputeError>(Network::new(files, naming))
        };
        const STEM: &str = "diffusion_pytorch_model";
        let vae_files = files("vae", STEM)?;
        let is_old = ["encoder", "decoder"]
            .iter()
            .any(|half| vae_files.has(&format!("{half}.mid_block.attentions.0.query.weight")));
        Ok(Self {
            text_encoder: clip("text_encoder")?,
            text_encoder_2: config.text_encoder_2.as_ref().map(|_| clip("text_encoder_2")).transpose()?,
            unet: Network::new(files("unet", STEM)?, Naming::Plain),
            vae: Network::new(vae_files, if is_old { Naming::OldVae } else { Naming::Plain }),
        })
    }

    fn single_file(config: &ModelConfig, files: Files) -> Result<Self, WeightsError> {
        refuse_strangers(&files)?;
        let files = Rc::new(files);
        let open = |naming| Network::new(Rc::clone(&files), naming);
        let is_xl = config.family != Family::StableDiffusion;
        let first_prefixes = if is_xl {
            (CLIP_PREFIXES[1], OPEN_CLIP_PREFIXES[1])
        } else {
            (CLIP_PREFIXES[0], OPEN_CLIP_PREFIXES[0])
        };
        let has_open_clip = files.has(&format!("{}token_embedding.weight", first_prefixes.1));
        let first = if has_open_clip && !is_xl {
            Naming::OpenClip(first_prefixes.1)
        } else {
            Naming::LdmClip(first_prefixes.0)
        };
        Ok(Self {
            text_encoder: open(first),
            text_encoder_2: is_xl.then(|| open(Naming::OpenClip(OPEN_CLIP_PREFIXES[1]))),
            unet: open(Naming::LdmUNet(LdmUNet::of(&config.unet))),
            vae: open(Naming::LdmVae { blocks: config.vae.block_out_channels.len() }),
        })
    }
}

/// Refuses tensors of a single file that belong to none of the networks.
fn refuse_strangers(files: &Files) -> Result<(), WeightsError> {
    let known: Vec<&str> = CLIP_PREFIXES
        .into_iter()
        .chain(OPEN_CLIP_PREFIXES)
        .chain(OTHERS)
        .chain([UNET_PREFIX, VAE_PREFIX])
        .collect();
    let mut strangers = files.names();
    // The schedule's tables have names without a module.
    strangers.retain(|(name, _)| name.contains('.') && !known.iter().any(|prefix| name.starts_with(prefix)));
    strangers.sort_unstable();
    match strangers.first() {
        Some((tensor, file)) => Err(WeightsError::Extra {
            file: (*file).to_owned(),
            count: strangers.len(),
            tensor: tensor.clone(),
        }),
        None => Ok(()),
    }
}

/// Tensors of text encoders that are not weights, or belong to layers that the model leaves out.
pub(crate) fn is_unused_text_tensor(name: &str, layers: u32) -> bool {
    let layer = name.strip_prefix("transformer.resblocks.").and_then(|rest| rest.split('.').next());
    let beyond = layer.and_then(|layer| layer.parse::<u32>().ok()).is_some_and(|layer| layer >= layers);
    beyond || name.ends_with("embeddings.position_ids") || ["logit_scale", "text_projection"].contains(&name)
}
