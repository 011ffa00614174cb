//! How much memory loading takes, measured in a process of its own.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use dfsn_compute::noise::Generator;
use dfsn_compute::torch::load_pipeline;
use safetensors::Dtype;
use safetensors::tensor::TensorView;

use crate::families::folder;
use crate::torch_thread::options;
use crate::weights::rewrite;

/// The folder that the child loads.
const CHILD: &str = "DFSN_TEST_LOAD";
const WIDTH: usize = 768;
const INNER: usize = 3072;
const LAYERS: usize = 8;
const VOCAB: usize = 20_000;

/// A line of `/proc/self/status`, in KiB.
fn status(key: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(key)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// A text encoder of 290 MB of random weights in f32, in a tiny model.
fn large_model(dir: &Path, dtype: Dtype) -> u64 {
    let mut shapes = vec![
        ("embeddings.token_embedding.weight".to_owned(), vec![VOCAB, WIDTH]),
        ("embeddings.position_embedding.weight".to_owned(), vec![77, WIDTH]),
        ("final_layer_norm.weight".to_owned(), vec![WIDTH]),
        ("final_layer_norm.bias".to_owned(), vec![WIDTH]),
    ];
    for layer in 0..LAYERS {
        let mut push = |name: &str, outputs: usize, inputs: Option<usize>| {
            let at = format!("encoder.layers.{layer}.{name}");
            shapes.push((format!("{at}.weight"), [Some(outputs), inputs].into_iter().flatten().collect()));
            shapes.push((format!("{at}.bias"), vec![outputs]));
        };
        for projection in ["q_proj", "k_proj", "v_proj", "out_proj"] {
            push(&format!("self_attn.{projection}"), WIDTH, Some(WIDTH));
        }
        push("mlp.fc1", INNER, Some(WIDTH));
        push("mlp.fc2", WIDTH, Some(INNER));
        push("layer_norm1", WIDTH, None);
        push("layer_norm2", WIDTH, None);
    }
    let random: Vec<u8> = Generator::new(1).randn(1 << 20).iter().flat_map(|x| x.to_le_bytes()).collect();
    let size = |shape: &[usize]| shape.iter().product::<usize>();
    let stored = dtype.bitsize() / 8;
    let data: HashMap<String, (Vec<usize>, Vec<u8>)> = shapes
        .into_iter()
        .map(|(name, shape)| {
            // Random bits of f32; as f16 their high bytes may be no numbers, so those are kept small.
            let mut bytes: Vec<u8> = random.iter().cycle().take(size(&shape) * stored).copied().collect();
            if dtype == Dtype::F16 {
                bytes.iter_mut().skip(1).step_by(2).for_each(|byte| *byte &= 0x3b);
            }
            (name, (shape, bytes))
        })
        .collect();
    let numbers: usize = data.values().map(|(shape, _)| size(shape)).sum();
    let views = data
        .iter()
        .map(|(name, (shape, bytes))| (name, TensorView::new(dtype, shape.clone(), bytes).unwrap()));
    safetensors::serialize_to_file(views, None, &dir.join("text_encoder/model.safetensors")).unwrap();

    let replace = |file: &str, pairs: &[(&str, String)]| {
        let path = dir.join(file);
        let text = pairs.iter().fold(fs::read_to_string(&path).unwrap(), |text, (from, to)| {
            assert!(text.contains(from), "{file} has no {from}");
            text.replace(from, to)
        });
        fs::write(path, text).unwrap();
    };
    replace(
        "text_encoder/config.json",
        &[
            ("\"hidden_size\": 8", format!("\"hidden_size\": {WIDTH}")),
            ("\"intermediate_size\": 20", format!("\"intermediate_size\": {INNER}")),
            ("\"num_hidden_layers\": 3", format!("\"num_hidden_layers\": {LAYERS}")),
            ("\"vocab_size\": 2314", format!("\"vocab_size\": {VOCAB}")),
        ],
    );
    replace(
        "unet/config.json",
        &[("\"cross_attention_dim\": 8", format!("\"cross_attention_dim\": {WIDTH}"))],
    );
    rewrite(&dir.join("unet/diffusion_pytorch_model.safetensors"), |tensors| {
        for (name, (_, shape, bytes)) in tensors {
            if name.contains("attn2.to_k") || name.contains("attn2.to_v") {
                shape[1] = WIDTH;
                *bytes = bytes.iter().cycle().take(2 * shape[0] * WIDTH).copied().collect();
            }
        }
    });
    4 * numbers as u64
}

#[test]
fn loading_takes_little_more_memory_than_the_weights() {
    if let Some(dir) = std::env::var_os(CHILD) {
        // libtorch's own code and tables first.
        drop(load_pipeline(folder("sd15").path(), options()).unwrap());
        let before = status("VmRSS:");
        let pipeline = load_pipeline(&dir, options()).unwrap();
        println!("measured {before} {} {}", status("VmHWM:"), pipeline.config().text_encoder.hidden_size);
        return;
    }
    for dtype in [Dtype::F32, Dtype::F16] {
        let dir = folder("sd15");
        let weights = large_model(dir.path(), dtype);
        let test = "memory::loading_takes_little_more_memory_than_the_weights";
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture", "--test-threads", "1"])
            .env(CHILD, dir.path())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&child.stdout);
        let numbers = text.lines().find_map(|line| line.split_once("measured ")).unwrap_or_else(|| {
            panic!("{text}\n{}", String::from_utf8_lossy(&child.stderr));
        });
        let numbers: Vec<u64> = numbers.1.split(' ').map(|number| number.parse().unwrap()).collect();
        let (before, peak) = (numbers[0] * 1024, numbers[1] * 1024);
        let ratio = (peak - before) as f64 / weights as f64;
        println!(
            "{dtype:?} to f32: {} MB of weights, {} MB before, peak {} MB: {ratio:.3} of the weights",
            weights / 1_000_000,
            before / 1_000_000,
            peak / 1_000_000
        );
        assert!(weights > 200_000_000 && (0.95..=1.15).contains(&ratio), "{ratio}");
    }
}
