//! Where weights come from: a model's files, quantised on the way, or its canonical file.

use dfsn_consensus::exact::{WeightEntry, WeightForm, WeightLayout, WeightSpec};
use rayon::prelude::*;

use super::ExactWeight;
use crate::config::ModelConfig;
use crate::error::ComputeError;
use crate::exact::ExactError;
use crate::exact::simd::{Threads, check_environment};
use crate::weights::{Networks, is_unused_text_tensor};

/// Numbers that are read before they are worked on, by all cores at once.
const BATCH_NUMBERS: usize = 32 << 20;

/// Gives a model's parameters one after the other, in the order of its layout.
pub(in crate::exact) trait WeightSource {
    /// What is read of a parameter on one thread; the rest is done on all.
    type Raw: Send;

    /// Reads the next one.
    fn read(&mut self, entry: &WeightEntry) -> Result<Self::Raw, ComputeError>;

    /// Makes the parameter of it.
    fn finish(spec: &WeightSpec, raw: Self::Raw) -> Result<ExactWeight, ExactError>;
}

/// Reads all parameters, makes something of each on all threads, and hands it on in order.
pub(in crate::exact) fn each<S: WeightSource, T: Send>(
    source: &mut S,
    layout: &WeightLayout,
    threads: Threads<'_>,
    make: impl Fn(&WeightSpec, ExactWeight) -> Result<T, ExactError> + Sync,
    mut take: impl FnMut(&WeightEntry, T) -> Result<(), ComputeError>,
) -> Result<(), ComputeError> {
    let convert = |(entry, raw): (&WeightEntry, S::Raw)| -> Result<T, ExactError> {
        check_environment()?;
        make(entry.spec(), S::finish(entry.spec(), raw)?)
    };
    let mut entries = layout.entries();
    while !entries.is_empty() {
        let batch = entries.split_at(batch_len(entries));
        let mut raw = Vec::with_capacity(batch.0.len());
        for entry in batch.0 {
            raw.push((entry, source.read(entry)?));
        }
        let made: Result<Vec<T>, ExactError> = match threads {
            Threads::Pool(pool) => pool.install(|| raw.into_par_iter().map(convert).collect()),
            Threads::Caller => raw.into_iter().map(convert).collect(),
        };
        for (entry, made) in batch.0.iter().zip(made?) {
            take(entry, made)?;
        }
        entries = batch.1;
    }
    Ok(())
}

/// How many of these are worked on together: at least one.
fn batch_len(entries: &[WeightEntry]) -> usize {
    let mut held = 0;
    let fits = entries.iter().take_while(|entry| {
        let before = held;
        held += entry.spec().form.rows() * entry.spec().form.width();
        before == 0 || held <= BATCH_NUMBERS
    });
    fits.count()
}

/// A model's own files, whose numbers are quantised.
#[derive(Debug)]
pub(in crate::exact) struct Quantising<'a> {
    networks: &'a Networks,
}

impl<'a> Quantising<'a> {
    pub(in crate::exact) const fn new(networks: &'a Networks) -> Self {
        Self { networks }
    }

    /// Refuses a model that holds more than was read.
    pub(in crate::exact) fn refuse_unread(&self, config: &ModelConfig) -> Result<(), ComputeError> {
        let networks = self.networks;
        let configs = [Some(&config.text_encoder), config.text_encoder_2.as_ref()];
        let encoders = [Some(&networks.text_encoder), networks.text_encoder_2.as_ref()];
        for (network, config) in encoders.into_iter().flatten().zip(configs.into_iter().flatten()) {
            network.refuse_unread(|name| is_unused_text_tensor(name, config.num_hidden_layers))?;
        }
        networks.unet.refuse_unread(|_| false)?;
        networks.vae.refuse_unread(|_| false)?;
        Ok(())
    }
}

impl WeightSource for Quantising<'_> {
    type Raw = Vec<f32>;

    fn read(&mut self, entry: &WeightEntry) -> Result<Vec<f32>, ComputeError> {
        let spec = entry.spec();
        let (part, name) = spec.name.split_once('.').unwrap_or_default();
        let network = match part {
            "text_encoder" => Some(&self.networks.text_encoder),
            "text_encoder_2" => self.networks.text_encoder_2.as_ref(),
            "unet" => Some(&self.networks.unet),
            _ => Some(&self.networks.vae),
        };
        let Some(network) = network else {
            return Err(ExactError::Unsupported { key: "tensor", value: spec.name.clone() }.into());
        };
        Ok(network.read(name, &file_shape(spec))?)
    }

    fn finish(spec: &WeightSpec, raw: Vec<f32>) -> Result<ExactWeight, ExactError> {
        ExactWeight::new(spec, raw)
    }
}

/// The shape that a file stores a parameter in.
pub(super) fn file_shape(spec: &WeightSpec) -> Vec<usize> {
    match spec.form {
        WeightForm::Plain { rows: 1, width } => vec![width],
        WeightForm::Plain { rows, width } | WeightForm::Quantised { rows, width, taps: 1 } => {
            vec![rows, width]
        }
        WeightForm::Quantised { rows, width, taps } => {
            let side = taps.isqrt();
            vec![rows, width / taps, side, side]
        }
    }
}
