//! Bounds of a model's record: outside them its jobs could not be priced, audited or tested.

use dfsn_types::{GenerationParams, ImageSize, ModelRecord, SchedulerKind};
use thiserror::Error;

use crate::exact::{Architecture, ArchitectureError, LayoutError};

/// Why a record is no model's (rule MOD-02).
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A number out of bounds.
    #[error("{name} is {value}, not between {min} and {max}")]
    Bounds {
        /// Which.
        name: &'static str,
        /// Its value.
        value: u64,
        /// The smallest allowed.
        min: u64,
        /// The largest allowed.
        max: u64,
    },
    /// Sides that are no whole number of latent pixels.
    #[error("size_multiple {size_multiple} is no multiple of vae_scale_factor {vae_scale_factor}")]
    SizeMultiple {
        /// Of the sides.
        size_multiple: u16,
        /// Of a latent pixel.
        vae_scale_factor: u8,
    },
    /// A step whose state is too large to be posted on chain.
    #[error("a step's state takes {bytes} bytes, more than {max}", max = ModelRecord::STEP_STATE_MAX)]
    StateTooLarge {
        /// Largest state, with all that the scheduler of the longest history remembers.
        bytes: u64,
    },
    /// Its exact form is no architecture.
    #[error("its architecture: {0}")]
    Architecture(ArchitectureError),
    /// Its exact form has no weights.
    #[error("its weights: {0}")]
    Layout(LayoutError),
    /// Its exact form draws other pictures than the record says.
    #[error("its networks have {found} latent channels, the record says {latent_channels}")]
    LatentChannels {
        /// Of the networks.
        found: usize,
        /// Of the record.
        latent_channels: u8,
    },
    /// Its decoder makes pictures of another size or kind than the record says.
    #[error("its networks make {found} of a latent pixel, the record says {expected}")]
    Decoder {
        /// Pixels along a side, and channels.
        found: String,
        /// Likewise.
        expected: String,
    },
    /// It cannot be tested.
    #[error("its test size is no size that it draws")]
    TestSize,
    /// Work that a price could overflow with.
    #[error("its largest request takes {units} work units, more than 2^63")]
    Work {
        /// Work of the largest request.
        units: u128,
    },
}

/// Checks a record.
///
/// # Errors
/// [`ModelError`] names the first bound that it breaks.
pub(crate) fn check(model: &ModelRecord) -> Result<(), ModelError> {
    let bounds: [(&'static str, u64, u64, u64); 6] = [
        ("latent_channels", u64::from(model.latent_channels), 1, 255),
        ("vae_scale_factor", u64::from(model.vae_scale_factor), 1, 255),
        ("size_multiple", u64::from(model.size_multiple), 1, u64::from(ImageSize::MAX)),
        ("size_max", u64::from(model.size_max), 1, u64::from(ImageSize::MAX)),
        ("work.a", model.work.a, 1, u64::MAX),
        ("work.d", model.work.d, 1, u64::MAX),
    ];
    if let Some((name, value, min, max)) =
        bounds.into_iter().find(|(_, value, min, max)| value < min || value > max)
    {
        return Err(ModelError::Bounds { name, value, min, max });
    }
    let (size_multiple, vae_scale_factor) = (model.size_multiple, model.vae_scale_factor);
    if size_multiple.checked_rem(u16::from(vae_scale_factor)) != Some(0) {
        return Err(ModelError::SizeMultiple { size_multiple, vae_scale_factor });
    }
    let pixels = largest_latent(model);
    let tensors = SchedulerKind::LONGEST_HISTORY.saturating_add(1);
    let bytes =
        pixels.saturating_mul(u64::from(model.latent_channels)).saturating_mul(4).saturating_mul(tensors);
    if bytes > ModelRecord::STEP_STATE_MAX {
        return Err(ModelError::StateTooLarge { bytes });
    }
    if !model.accepts(model.test_size) {
        return Err(ModelError::TestSize);
    }
    check_exact(model)?;
    let units = largest_work(model, u128::from(pixels));
    if units > 1 << 63 {
        return Err(ModelError::Work { units });
    }
    Ok(())
}

/// The exact form, if there is one, is a model's (rule MOD-05). A size without a program is no fault: jurors judge it.
fn check_exact(model: &ModelRecord) -> Result<(), ModelError> {
    let Some(exact) = &model.exact else { return Ok(()) };
    let architecture = Architecture::from_bytes(&exact.architecture).map_err(ModelError::Architecture)?;
    let (found, latent_channels) = (architecture.decoder.latent_channels, model.latent_channels);
    if found != usize::from(latent_channels) {
        return Err(ModelError::LatentChannels { found, latent_channels });
    }
    let factor = |channels: usize| 1_u64.checked_shl(u32::try_from(channels.saturating_sub(1)).unwrap_or(64));
    let vae = &architecture.decoder;
    let (found, expected) = (factor(vae.channels.len()).unwrap_or(0), u64::from(model.vae_scale_factor));
    if found != expected || vae.image_channels != 3 || architecture.unet.out_channels != vae.latent_channels {
        let words = |side: u64, channels: usize| format!("{side}x{side} pixels of {channels} channels");
        let (found, expected) = (words(found, vae.image_channels), words(expected, 3));
        return Err(ModelError::Decoder { found, expected });
    }
    architecture.layout().map_err(ModelError::Layout)?;
    Ok(())
}

/// Pixels of the largest latent.
fn largest_latent(model: &ModelRecord) -> u64 {
    let side = u64::from(model.size_max).checked_div(u64::from(model.vae_scale_factor)).unwrap_or(u64::MAX);
    side.saturating_mul(side)
}

/// Work of the largest request (rule JOB-03).
fn largest_work(model: &ModelRecord, pixels: u128) -> u128 {
    let [a, b, d, t] = [model.work.a, model.work.b, model.work.d, model.work.t].map(u128::from);
    let attention = b.saturating_mul(pixels).saturating_mul(pixels) / 65_536;
    let step = a.saturating_mul(pixels).saturating_add(attention);
    let kinds = SchedulerKind::ALL.into_iter();
    let evaluations = kinds.map(|kind| kind.evaluations(GenerationParams::MAX_STEPS)).max().unwrap_or(0);
    let passes = u128::from(evaluations).saturating_mul(2);
    let image = passes.saturating_mul(step).saturating_add(d.saturating_mul(pixels));
    u128::from(GenerationParams::MAX_IMAGES).saturating_mul(image).saturating_add(t)
}
