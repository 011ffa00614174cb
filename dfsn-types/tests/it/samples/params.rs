//! Samples of generation parameters, models, profiles and the protocol's numbers.

use dfsn_types::*;

use super::{Sample, bounded, counting, text};

impl Sample for GuidanceScale {
    fn samples() -> Vec<(&'static str, Self)> {
        let scale = |thousandths| Self::from_thousandths(thousandths).expect("a sample keeps its bound");
        vec![("7.5", scale(7_500)), ("0", scale(0)), ("the largest", scale(Self::MAX_THOUSANDTHS))]
    }
}

impl Sample for Strength {
    fn samples() -> Vec<(&'static str, Self)> {
        let strength = |thousandths| Self::from_thousandths(thousandths).expect("a sample keeps its bound");
        vec![("0.75", strength(750)), ("0", strength(0)), ("full", Self::FULL)]
    }
}

impl Sample for SchedulerKind {
    fn samples() -> Vec<(&'static str, Self)> {
        Self::ALL.into_iter().map(|kind| (kind.as_str(), kind)).collect()
    }
}

impl Sample for ImageSize {
    fn samples() -> Vec<(&'static str, Self)> {
        let size = |height, width| Self::new(height, width).expect("a sample keeps its bound");
        vec![
            ("64 high, 128 wide", size(64, 128)),
            ("the least", size(8, 8)),
            ("the largest", size(2048, 2048)),
        ]
    }
}

impl Sample for GenerationParams {
    fn samples() -> Vec<(&'static str, Self)> {
        let builder = |prompt| {
            let profile = ProfileId::from_bytes(counting(0x20));
            Self::builder(ModelId::from_bytes(counting(0x10)), profile, prompt, ImageSize::sample())
        };
        let plain = builder("a red fox").build();
        let full = builder("🦊 on a blue background")
            .negative_prompt("blurry")
            .seed(0xDEAD_BEEF)
            .num_inference_steps(150)
            .guidance_thousandths(12_345)
            .scheduler(SchedulerKind::Euler)
            .num_images(4)
            .init_image(FileHash::from_bytes(counting(0x30)), Strength::sample())
            .build();
        vec![
            ("the builder's defaults", plain.expect("a sample keeps its bounds")),
            ("every field set", full.expect("a sample keeps its bounds")),
        ]
    }
}

impl Sample for WorkCoefficients {
    fn samples() -> Vec<(&'static str, Self)> {
        vec![("different", Self { a: 100, b: 20, d: 300, t: 4_000 })]
    }
}

impl Sample for ModelRecord {
    fn samples() -> Vec<(&'static str, Self)> {
        let of = |exact| Self {
            id: ModelId::from_bytes(counting(0x10)),
            name: text("emoji-64"),
            work: WorkCoefficients::sample(),
            latent_channels: 4,
            vae_scale_factor: 8,
            size_multiple: 64,
            size_max: 512,
            test_size: ImageSize::sample(),
            exact,
        };
        vec![("a small model", of(None)), ("with an exact form", of(Some(ExactRecord::sample())))]
    }
}

impl Sample for ExactRecord {
    fn samples() -> Vec<(&'static str, Self)> {
        let weights_root = Hash::from_bytes(counting(0x31));
        vec![("three bytes of an architecture", Self { weights_root, architecture: bounded(vec![1, 2, 3]) })]
    }
}

impl Sample for ManifestFile {
    fn samples() -> Vec<(&'static str, Self)> {
        let hash = FileHash::from_bytes(counting(0x30));
        vec![("the weights of a UNet", Self { path: text("unet/model.safetensors"), bytes: 1 << 32, hash })]
    }
}

impl Sample for ModelManifest {
    fn samples() -> Vec<(&'static str, Self)> {
        let config = ManifestFile { path: text("model_index.json"), bytes: 543, ..ManifestFile::sample() };
        let of = |files| Self { files: bounded(files) };
        vec![("two files", of(vec![config, ManifestFile::sample()])), ("no file", of(vec![]))]
    }

    fn id(&self) -> Option<String> {
        Some(self.id().to_string())
    }
}

impl Sample for ProfileRecord {
    fn samples() -> Vec<(&'static str, Self)> {
        vec![
            (
                "libtorch on two threads of a CPU",
                Self::Float {
                    library: text("libtorch-2.11.0"),
                    device: text("cpu"),
                    instruction_set: text("avx512"),
                    dtype: text("f32"),
                    threads: 2,
                },
            ),
            ("the same bits on every machine", Self::EXACT_V1),
        ]
    }

    fn id(&self) -> Option<String> {
        Some(self.id().to_string())
    }
}

impl Sample for Pair {
    fn samples() -> Vec<(&'static str, Self)> {
        let profile = ProfileRecord::sample().id();
        vec![("model and profile", Self { model: ModelId::from_bytes(counting(0x10)), profile })]
    }
}

macro_rules! default_samples {
    ($($type:ty)*) => { $(
        impl Sample for $type {
            fn samples() -> Vec<(&'static str, Self)> {
                vec![("the defaults", Self::default())]
            }
        }
    )* };
}

default_samples!(ConsensusParams ChainParams WindowParams SortitionParams PenaltyParams EconomicParams GovernanceParams);
