//! Weights files that do not hold what the model needs.

use std::collections::HashMap;
use std::fs;
use std::num::NonZeroU16;
use std::path::Path;

use dfsn_compute::TorchOptions;
use dfsn_compute::torch::{DeviceChoice, load_pipeline, load_single_file};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use serde_json::Value;

use crate::families::{folder, models};
use crate::parity::tiny_model;
use crate::torch_thread::options;

/// Loads the tiny model after a change of its folder; gives the error.
fn refused(change: impl FnOnce(&Path)) -> String {
    let dir = tempfile::tempdir().unwrap();
    tiny_model(dir.path());
    change(dir.path());
    let error = load_pipeline(dir.path(), options()).unwrap_err().to_string();
    assert_eq!(error.lines().count(), 1, "{error}");
    error.replace(&format!("{}/", dir.path().display()), "")
}

pub(crate) type Tensors = HashMap<String, (Dtype, Vec<usize>, Vec<u8>)>;

/// Rewrites a safetensors file.
pub(crate) fn rewrite(path: &Path, change: impl FnOnce(&mut Tensors)) {
    let bytes = fs::read(path).unwrap();
    let mut tensors: Tensors = SafeTensors::deserialize(&bytes)
        .unwrap()
        .tensors()
        .into_iter()
        .map(|(name, view)| (name, (view.dtype(), view.shape().to_vec(), view.data().to_vec())))
        .collect();
    change(&mut tensors);
    let views = tensors
        .iter()
        .map(|(name, (dtype, shape, data))| (name, TensorView::new(*dtype, shape.clone(), data).unwrap()));
    fs::write(path, safetensors::serialize(views, None).unwrap()).unwrap();
}

const UNET: &str = "unet/diffusion_pytorch_model.safetensors";
const VAE: &str = "vae/diffusion_pytorch_model.safetensors";

#[test]
fn a_missing_file_is_named() {
    let error = refused(|dir| fs::remove_file(dir.join(VAE)).unwrap());
    assert!(error.starts_with(&format!("cannot read {VAE}: ")), "{error}");
}

#[test]
fn truncated_files_are_named() {
    for keep in [0, 5, 1000, 188_000] {
        let error = refused(|dir| {
            let bytes = fs::read(dir.join(UNET)).unwrap();
            fs::write(dir.join(UNET), &bytes[..keep]).unwrap();
        });
        assert!(error.starts_with(UNET) || error.contains("cannot read"), "{keep}: {error}");
        assert!(error.contains("is not a valid safetensors file"), "{keep}: {error}");
    }
}

#[test]
fn headers_over_their_bound_are_not_read() {
    let error = refused(|dir| {
        let mut bytes = fs::read(dir.join(UNET)).unwrap();
        bytes[..8].copy_from_slice(&(100_000_000_u64).to_le_bytes());
        fs::write(dir.join(UNET), bytes).unwrap();
    });
    assert_eq!(
        error,
        format!("{UNET} is not a valid safetensors file: a header of 100000000 bytes is over 16777216")
    );
}

/// Loads a model of several shards after a change of its folder; gives the error.
fn shards_refused(change: impl FnOnce(&Path)) -> String {
    let dir = folder("sd21");
    change(dir.path());
    let error = load_pipeline(dir.path(), options()).unwrap_err().to_string();
    assert_eq!(error.lines().count(), 1, "{error}");
    error.replace(&format!("{}/unet/", dir.path().display()), "")
}

/// Changes the index of the shards.
fn change_index(dir: &Path, change: impl FnOnce(&mut Value)) {
    let path = dir.join("unet/diffusion_pytorch_model.safetensors.index.json");
    let mut index: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut index["weight_map"]);
    fs::write(path, index.to_string()).unwrap();
}

#[test]
fn shards_that_do_not_hold_what_their_index_says_are_named() {
    let error = shards_refused(|dir| {
        change_index(dir, |map| map["conv_in.bias"] = "../vae/diffusion_pytorch_model.safetensors".into());
    });
    assert!(error.contains("tensor \"conv_in.bias\" lies in \"../vae/"), "{error}");
    assert!(error.ends_with("which names no file beside it"), "{error}");
    let error =
        shards_refused(|dir| change_index(dir, |map| map["conv_in.bias"] = "other.safetensors".into()));
    assert!(error.starts_with("cannot read other.safetensors: "), "{error}");
    let error = shards_refused(|dir| {
        change_index(dir, |map| map["brand.new"] = map["conv_in.bias"].clone());
    });
    assert!(error.ends_with("tensor \"brand.new\" is missing"), "{error}");
    let error = shards_refused(|dir| change_index(dir, |map| *map = Value::Null));
    assert!(error.ends_with("it has no object weight_map"), "{error}");
    let error = shards_refused(|dir| {
        let path = dir.join("unet/diffusion_pytorch_model-00001-of-00006.safetensors");
        let name = fs::read_dir(dir.join("unet")).unwrap().map(|entry| entry.unwrap().path());
        let first =
            name.filter(|path| path.extension().is_some_and(|ext| ext == "safetensors")).min().unwrap();
        assert!(first.file_name().unwrap().to_str().unwrap().contains("00001-of-"), "{}", path.display());
        fs::write(first, [0; 20]).unwrap();
    });
    assert!(error.contains("00001-of-") && error.contains("is not a valid safetensors file"), "{error}");
}

#[test]
fn strangers_in_a_single_file_are_named() {
    let dir = folder("sd15");
    let file = dir.path().join("single.safetensors");
    let refused = |change: fn(&mut Tensors)| {
        fs::copy(models("sd15-single.safetensors"), &file).unwrap();
        rewrite(&file, change);
        let error = load_single_file(&file, dir.path(), options()).unwrap_err().to_string();
        error.replace(&format!("{}/", dir.path().display()), "")
    };
    let error = refused(|tensors| {
        let some = tensors["model.diffusion_model.out.2.bias"].clone();
        tensors.insert("control_model.out.2.bias".to_owned(), some);
    });
    assert_eq!(
        error,
        "single.safetensors: 1 tensors have no place in the configured model, the first is \"control_model.out.2.bias\""
    );
    let error = refused(|tensors| {
        let some = tensors["model.diffusion_model.out.2.bias"].clone();
        tensors.insert("model.diffusion_model.out.3.bias".to_owned(), some);
    });
    assert!(error.ends_with("the first is \"model.diffusion_model.out.3.bias\""), "{error}");
    let error = refused(|tensors| {
        tensors.remove("model.diffusion_model.input_blocks.1.0.in_layers.2.weight").unwrap();
    });
    assert_eq!(
        error,
        "single.safetensors: tensor \"model.diffusion_model.input_blocks.1.0.in_layers.2.weight\" is missing"
    );
}

#[test]
fn a_missing_tensor_is_named() {
    let error = refused(|dir| {
        rewrite(&dir.join(UNET), |tensors| {
            tensors.remove("mid_block.resnets.1.norm2.bias").unwrap();
        });
    });
    assert_eq!(error, format!("{UNET}: tensor \"mid_block.resnets.1.norm2.bias\" is missing"));
}

#[test]
fn a_tensor_of_another_shape_is_named() {
    let error = refused(|dir| {
        rewrite(&dir.join(VAE), |tensors| {
            tensors.get_mut("decoder.conv_in.weight").unwrap().1 = vec![16, 3, 3, 4];
        });
    });
    let expected = "tensor \"decoder.conv_in.weight\" has shape [16, 3, 3, 4], expected [16, 4, 3, 3]";
    assert_eq!(error, format!("{VAE}: {expected}"));
}

#[test]
fn extra_tensors_are_named() {
    let error = refused(|dir| {
        rewrite(&dir.join(UNET), |tensors| {
            let bias = tensors["conv_out.bias"].clone();
            tensors.insert("add_embedding.linear_1.bias".to_owned(), bias.clone());
            tensors.insert("add_embedding.linear_2.bias".to_owned(), bias);
        });
    });
    let expected =
        "2 tensors have no place in the configured model, the first is \"add_embedding.linear_1.bias\"";
    assert_eq!(error, format!("{UNET}: {expected}"));
}

#[test]
fn an_unread_number_format_is_named() {
    let error = refused(|dir| {
        rewrite(&dir.join(UNET), |tensors| tensors.get_mut("conv_out.bias").unwrap().0 = Dtype::I16);
    });
    assert!(
        error.contains("tensor \"conv_out.bias\" is stored as I16, only F16, BF16, F32 and F64"),
        "{error}"
    );
}

#[test]
fn a_configuration_of_another_size_is_named_by_its_first_tensor() {
    let error = refused(|dir| {
        let path = dir.join("text_encoder/config.json");
        let text = fs::read_to_string(&path)
            .unwrap()
            .replace("\"intermediate_size\": 20", "\"intermediate_size\": 24");
        fs::write(path, text).unwrap();
    });
    assert_eq!(
        error,
        "text_encoder/model.safetensors: tensor \"text_model.encoder.layers.0.mlp.fc1.weight\" has shape [20, 8], \
         expected [24, 8]"
    );
}

#[test]
fn another_number_of_threads_and_a_missing_device_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    tiny_model(dir.path());
    load_pipeline(dir.path(), options()).unwrap();
    let other = TorchOptions { threads: NonZeroU16::new(77), ..options() };
    let error = load_pipeline(dir.path(), other).unwrap_err().to_string();
    assert!(error.starts_with("libtorch already runs ") && error.ends_with("77 were asked for"), "{error}");
    let cuda = TorchOptions { device: DeviceChoice::Cuda(99), ..options() };
    let error = load_pipeline(dir.path(), cuda).unwrap_err().to_string();
    assert!(error.starts_with("device cuda:99 is not available: "), "{error}");
}
