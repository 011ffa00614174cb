//! LoRA files of both tools against diffusers with PEFT, and what is refused.

use std::fs;

use dfsn_compute::{Lora, LoraMode, SchedulerKind};

use crate::families::{TOLERANCE, golden, latents, load, models, request};
use crate::golden::{assert_close, relative_l2};
use crate::torch_thread::{options, with_pipeline};

#[test]
fn adapters_merged_and_beside_the_weights() {
    with_pipeline(|_| {
        let golden = golden("sd15");
        let lora = |name: &str, weight: f32| Lora { file: models(&format!("{name}.safetensors")), weight };
        let sets = [
            ("kohya", vec![lora("kohya", 0.8)]),
            ("peft", vec![lora("peft", 1.0)]),
            ("both", vec![lora("kohya", 0.7), lora("peft", -0.5)]),
        ];
        let request = request(SchedulerKind::Ddim);
        let mut beside = load("sd15", options());
        let plain = latents(&mut beside, &request);
        for (name, loras) in &sets {
            let expected = golden.floats(&format!("lora.{name}"));
            assert!(relative_l2(&plain, &expected) > 0.01, "{name} changes nothing");
            beside.backend_mut().apply_loras(loras, LoraMode::Unmerged).unwrap();
            assert_close(&format!("{name} unmerged"), &latents(&mut beside, &request), &expected, TOLERANCE);
            let mut merged = load("sd15", options());
            merged.backend_mut().apply_loras(loras, LoraMode::Merged).unwrap();
            assert_close(&format!("{name} merged"), &latents(&mut merged, &request), &expected, TOLERANCE);
        }
        beside.backend_mut().apply_loras(&[], LoraMode::Unmerged).unwrap();
        assert_eq!(latents(&mut beside, &request), plain);
    });
}

#[test]
fn adapters_that_do_not_fit_are_named_and_change_nothing() {
    with_pipeline(|_| {
        let dir = tempfile::tempdir().unwrap();
        let mut pipeline = load("sd15", options());
        let request = request(SchedulerKind::Ddim);
        let plain = latents(&mut pipeline, &request);
        let mut refused = |weight: f32, change: fn(&mut crate::weights::Tensors)| {
            let file = dir.path().join("lora.safetensors");
            fs::copy(models("peft.safetensors"), &file).unwrap();
            crate::weights::rewrite(&file, change);
            let good = Lora { file: models("kohya.safetensors"), weight: 1.0 };
            let bad = Lora { file, weight };
            let error = pipeline.backend_mut().apply_loras(&[good, bad], LoraMode::Merged).unwrap_err();
            assert_eq!(latents(&mut pipeline, &request), plain);
            error.to_string().replace(&format!("{}/", dir.path().display()), "")
        };
        let error = refused(1.0, |tensors| {
            let some = tensors.values().next().unwrap().clone();
            tensors.insert("unet.nowhere.lora_A.weight".to_owned(), some);
        });
        assert_eq!(
            error,
            "lora.safetensors: 1 tensors fit no layer of this model, the first is \"unet.nowhere.lora_A.weight\""
        );
        let error = refused(1.0, |tensors| {
            let up = tensors.keys().find(|name| name.contains("lora_B")).unwrap().clone();
            tensors.remove(&up);
        });
        assert!(error.contains("lora_B.weight\" is missing beside its other half"), "{error}");
        let error = refused(1.0, |tensors| {
            let down = tensors.iter_mut().find(|(name, _)| name.contains("lora_A")).unwrap().1;
            down.1.reverse();
        });
        assert!(error.contains("does not fit a weight of shape"), "{error}");
        assert!(refused(f32::NAN, |_| {}).contains("weight NaN is not between -100 and 100"));
    });
}
