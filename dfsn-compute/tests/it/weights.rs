//! Weights files that do not hold what the model needs.

use std::collections::HashMap;
use std::fs;
use std::num::NonZeroU16;
use std::path::Path;

use dfsn_compute::TorchOptions;
use dfsn_compute::torch::{DeviceChoice, load_pipeline};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

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

type Tensors = HashMap<String, (Dtype, Vec<usize>, Vec<u8>)>;

/// Rewrites a safetensors file.
fn rewrite(path: &Path, change: impl FnOnce(&mut Tensors)) {
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
