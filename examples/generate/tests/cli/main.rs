//! The program as a user runs it.

mod engines;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// Runs the program with one thread, so that results do not depend on the machine's cores.
fn generate(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_generate"))
        .args(["--threads", "1"])
        .args(arguments)
        .env_remove("LD_LIBRARY_PATH")
        .env("DFSN_CACHE", env!("CARGO_TARGET_TMPDIR"))
        .output()
        .unwrap()
}

fn generate_bare(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_generate"));
    command.args(arguments).env("DFSN_CACHE", env!("CARGO_TARGET_TMPDIR")).output().unwrap()
}

fn last_json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(output.stdout.trim_ascii_end().rsplit(|&byte| byte == b'\n').next().unwrap())
        .unwrap()
}

/// Asserts that a run fails with one line that holds `expected`, and leaves the folder as it was.
#[track_caller]
fn refused(arguments: &[&str], out: &Path, expected: &str) {
    let out = out.join("pictures");
    let output = generate(&[arguments, &["--out", out.to_str().unwrap()]].concat());
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(text.contains(expected), "{text}");
    assert!(output.stdout.is_empty());
    assert!(!out.exists());
    if output.status.code() == Some(1) {
        // The first run of all keeps the weights.
        let lines = text.lines().filter(|line| !line.starts_with("the quantised weights are kept"));
        assert_eq!(lines.count(), 1, "{text}");
    }
}

#[test]
fn pictures_files_and_json_belong_together() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let base = ["--prompt", "a fox on a blue background", "--steps", "3", "--seed", "4294967295", "--json"];
    let (out, trace, latents) = (at("a"), at("trace.jsonl"), at("latents.safetensors"));
    let dumps = ["--images", "2", "--out", &out, "--dump-trace", &trace, "--dump-latents", &latents];
    let first = last_json(&generate(&[&base[..], &dumps].concat()));

    let images = first["images"].as_array().unwrap();
    assert_eq!(
        (images.len(), &images[0]["seed"], &images[1]["seed"]),
        (2, &Value::from(u32::MAX), &Value::from(0))
    );
    for image in images {
        let file = fs::read(image["path"].as_str().unwrap()).unwrap();
        assert_eq!(image["file_hash"], dfsn_types::FileHash::of(&file).to_string());
        let mut reader = png::Decoder::new(std::io::Cursor::new(&file)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((info.height, info.width), (64, 64));
        let hash = dfsn_types::PixelHash::of_rgb8(64, 64, &pixels);
        assert_eq!(image["pixel_hash"], hash.to_string());
    }
    let lines: Vec<Value> =
        fs::read_to_string(&trace).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    // Two pictures of: the request, the initial state, three steps, the decoder's output.
    assert_eq!(lines.len(), 12);
    assert_eq!((&lines[6]["line"], &lines[6]["dfsn"]["params"]["seed"]), (&"picture".into(), &0.into()));
    assert_eq!(
        (&lines[10]["image"], &lines[10]["t"], &lines[10]["length"]),
        (&1.into(), &3.into(), &4096.into())
    );
    assert_eq!(lines[11]["length"], 3 * 64 * 64 * 4);

    // The second picture alone, and both from the dumped noise with another seed.
    let single = ["--prompt", "a fox on a blue background", "--steps", "3", "--seed", "0", "--json", "--out"];
    let single = last_json(&generate(&[&single[..], &[&at("b")]].concat()));
    assert_eq!(single["images"][0]["pixel_hash"], images[1]["pixel_hash"]);
    let from_noise = ["--prompt", "a fox on a blue background", "--steps", "3", "--seed", "9", "--json"];
    let rest = ["--images", "2", "--init-latents", &latents, "--out", &at("c")];
    let again = last_json(&generate(&[&from_noise[..], &rest].concat()));
    for index in 0..2 {
        assert_eq!(again["images"][index]["pixel_hash"], images[index]["pixel_hash"]);
    }
}

/// Noise that steps add differs between the pictures of a request.
#[test]
fn each_picture_of_a_noisy_scheduler_equals_its_single_run() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let draw = |rest: &[&str]| {
        let always = ["--prompt", "pizza", "--steps", "3", "--scheduler", "euler_ancestral", "--json"];
        last_json(&generate(&[&always[..], rest].concat()))["images"].clone()
    };
    let both = draw(&["--seed", "5", "--images", "2", "--out", &at("a")]);
    let second = draw(&["--seed", "6", "--out", &at("b")]);
    assert_eq!(both[1]["pixel_hash"], second[0]["pixel_hash"]);
    assert_ne!(both[0]["pixel_hash"], second[0]["pixel_hash"]);
}

#[test]
fn pictures_can_start_from_a_picture_lean_and_grow() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let base = ["--prompt", "a fox on a blue background", "--steps", "4", "--json"];
    let draw = |more: &[&str], out: &str| {
        let out = at(out);
        let result = last_json(&generate(&[&base[..], more, &["--out", &out]].concat()));
        (result["images"][0].clone(), format!("{out}/image-0.png"))
    };
    let (plain, file) = draw(&[], "plain");
    let text = dfsn_compute::RgbImage::from_png_with(&fs::read(&file).unwrap()).unwrap().1;
    let told = dfsn_compute::Provenance::from_json(&text.dfsn.unwrap()).unwrap();
    assert_eq!((told.params.prompt().as_str(), told.params.height()), ("a fox on a blue background", 64));
    assert!(
        text.parameters.unwrap().contains("Steps: 4, Sampler: DDIM, CFG scale: 7.5, Seed: 0, Size: 64x64")
    );
    let manifest = generate_bare(&["model-manifest", model().to_str().unwrap()]);
    assert_eq!(String::from_utf8(manifest.stdout).unwrap().trim(), told.params.model().to_string());

    let text_of = |file: &str| dfsn_compute::RgbImage::from_png_with(&fs::read(file).unwrap()).unwrap().1;
    let (again, file_again) = draw(&["--init-image", &file, "--strength", "0.5"], "again");
    assert_ne!(again["pixel_hash"], plain["pixel_hash"]);
    let told = dfsn_compute::Provenance::from_json(&text_of(&file_again).dfsn.unwrap()).unwrap();
    assert_eq!(told.params.init_image(), Some(dfsn_types::FileHash::of(&fs::read(&file).unwrap())));
    assert_eq!(told.params.strength().thousandths(), 500);
    // The network knows no masks.
    let (_, masked) = draw(&["--init-image", &file, "--strength", "0.5", "--mask", &file], "masked");
    let text = text_of(&masked);
    assert!(text.dfsn.is_none() && text.parameters.unwrap().contains("Denoising strength: 0.5"));
    let (other, _) = draw(&["--seed", "9"], "other");
    let (leaning, _) = draw(&["--variation", "9:1"], "leaning");
    // The same noise but for the last bit.
    assert_ne!(leaning["pixel_hash"], plain["pixel_hash"]);
    assert_eq!((other["seed"].as_u64(), leaning["seed"].as_u64()), (Some(9), Some(0)));
    let (large, _) = draw(&["--hires", "128x96:0.5", "--preview", &at("looks")], "large");
    assert_eq!((&large["height"], &large["width"]), (&128.into(), &96.into()));
    // The states of four steps and of two, with the ones before them.
    assert_eq!(fs::read_dir(at("looks")).unwrap().count(), 8);
}

fn model() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/emoji-64")
}

#[test]
fn pictures_of_one_run_equal_single_runs_where_steps_add_noise() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let base = ["--prompt", "pizza", "--steps", "3", "--scheduler", "euler_ancestral", "--json", "--out"];
    let two = last_json(&generate(&[&base[..], &[&at("two"), "--images", "2", "--seed", "5"]].concat()));
    let one = last_json(&generate(&[&base[..], &[&at("one"), "--seed", "6"]].concat()));
    assert_eq!(two["images"][1]["pixel_hash"], one["images"][0]["pixel_hash"]);
}

#[test]
fn a_manifest_lists_its_files() {
    let json = last_json(&generate_bare(&["model-manifest", model().to_str().unwrap(), "--json"]));
    assert_eq!(json["manifest"]["files"].as_array().unwrap().len(), 12);
    assert_eq!(json["model"].as_str().unwrap().len(), 64);
    let output = generate_bare(&["model-manifest", "nowhere"]);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "error: there is no folder nowhere\n");
}

#[test]
fn a_long_prompt_warns_and_draws() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().to_str().unwrap();
    let output = generate(&["--prompt", &"1 ".repeat(700), "--steps", "1", "--guidance", "1", "--out", out]);
    assert!(output.status.success());
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.contains("warning: 100 tokens of the prompt do not fit into 8 chunks and are cut"),
        "{text}"
    );
    assert!(dir.path().join("image-0.png").exists());
}

#[test]
fn bad_arguments_are_refused_in_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path();
    refused(&["--prompt", "x", "--brightness", "3"], out, "unexpected argument '--brightness'");
    refused(
        &["--prompt", "x", "--scheduler", "magic"],
        out,
        "unknown scheduler \"magic\", known: ddim, euler, pndm,",
    );
    refused(&["--prompt", "x", "--images", "5"], out, "5 is not in 1..=4");
    refused(&["--prompt", "x", "--height", "60"], out, "height 60 is not a multiple of 8 between 8 and 2048");
    refused(&["--prompt", "x", "--steps", "0"], out, "num_inference_steps 0 is not between 1 and 150");
    refused(&["--prompt", "x", "--guidance", "-1"], out, "guidance_scale -1 is not between 0 and 100");
    refused(&["--prompt", &"x".repeat(2049)], out, "prompt has 2049 bytes, at most 2048 are allowed");
    refused(
        &["--prompt", "x", "--model", "nowhere"],
        out,
        "there is no model folder nowhere; name one with --model",
    );
    refused(&["--prompt", "x", "--dump-trace", "no/such/file"], out, "its folder does not exist");
    refused(
        &["--prompt", "x", "--dump-trace", "/dev/null"],
        out,
        "something other than a file has this name",
    );
    let twice = out.join("dump");
    let twice = twice.to_str().unwrap();
    let both = ["--prompt", "x", "--dump-trace", twice, "--dump-latents", twice];
    refused(&both, out, "is named for two dumps");
    refused(
        &["--prompt", "x", "--seamless"],
        out,
        "--seamless is for the float profile: add --profile float",
    );
    refused(&["--prompt", "x", "--embedding", "nowhere"], out, "cannot read nowhere: ");
    refused(&["--prompt", "x", "--lora", "nowhere:0.5"], out, "cannot read nowhere: ");
    refused(
        &["--prompt", "x", "--backend", "cuda"],
        out,
        "no backend \"cuda\": it has simd, scalar and torch",
    );
    #[cfg(not(feature = "torch"))]
    refused(&["--prompt", "x", "--backend", "torch"], out, "this program was built without libtorch");
    refused(&["--prompt", "x", "--force-isa", "mmx"], out, "no instruction set is called \"mmx\"");
    refused(&["--prompt", "x", "--profile", "exact"], out, "\"exact\" is not exact-v1 or float");
    refused(
        &["--prompt", "x", "--clip-skip", "3"],
        out,
        "clip_skip 3 leaves none of the text encoder's layers",
    );
    refused(&["--prompt", "x", "--init-latents", "nowhere"], out, "cannot read nowhere: ");
    refused(&["--prompt", "x", "--init-latents", "/dev/zero"], out, "/dev/zero is over 1073741824 bytes");
    refused(&["--prompt", "x", "--init-image", "nowhere"], out, "cannot read nowhere: ");
    refused(&["--prompt", "x", "--init-image", "/dev/zero"], out, "/dev/zero is over 67108864 bytes");
    let here = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    refused(&["--prompt", "x", "--init-image", here], out, "not a PNG file that can be read");
    refused(&["--prompt", "x", "--strength", "0.5"], out, "--init-image");
    refused(&["--prompt", "x", "--variation", "9"], out, "\"9\" is not SEED:STRENGTH");
    refused(&["--prompt", "x", "--hires", "64"], out, "\"64\" is not HxW[:STRENGTH]");
    refused(&["--prompt", "x", "--checkpoint", "nowhere"], out, "--model");
    refused(&["--prompt", "x", "--seed", "-1"], out, "-1 is not in 0..=4294967295");
}

#[test]
fn too_many_threads_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_generate"))
        .args(["--prompt", "x", "--threads", "65535", "--out"])
        .arg(dir.path())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(text, "error: 65535 threads were asked for, at most 1024 are allowed\n");
    assert!(!output.status.success());
}

#[test]
fn broken_files_are_refused_in_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let empty = dir.path().join("model");
    fs::create_dir(&empty).unwrap();
    let model = empty.to_str().unwrap();
    refused(&["--prompt", "x", "--model", model], dir.path(), "model_index.json: No such file or directory");
    let file = dir.path().join("latents.safetensors");
    let path = file.to_str().unwrap();
    fs::write(&file, [9; 40]).unwrap();
    refused(&["--prompt", "x", "--init-latents", path], dir.path(), "is not a valid safetensors file");
    let data = [0; 16];
    let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, vec![4], &data).unwrap();
    fs::write(&file, safetensors::serialize([("x", view)], None).unwrap()).unwrap();
    refused(
        &["--prompt", "x", "--init-latents", path],
        dir.path(),
        "tensor \"x\" is F32 of shape [4], this request needs F32 of shape [1, 4, 16, 16]",
    );
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_between_steps_and_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (out, looks) = (dir.path().join("pictures"), dir.path().join("looks"));
    let child = Command::new(env!("CARGO_BIN_EXE_generate"))
        .args(["--threads", "1", "--prompt", "x", "--steps", "150", "--images", "4", "--out"])
        .arg(&out)
        .arg("--preview")
        .arg(&looks)
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // The first preview shows that it draws; 600 steps take longer than the looking.
    while !fs::read_dir(&looks).is_ok_and(|mut files| files.next().is_some()) {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cancelled, nothing was written"));
    assert!(!out.exists());
}

#[test]
fn weights_are_written_once_and_their_root_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/emoji-64");
    let (file, out) = (at("emoji.weights"), at("pictures"));
    let report = last_json(&generate_bare(&["model-weights", model, "--out", &file, "--json"]));
    let written = fs::read(&file).unwrap();
    assert_eq!(report["weights_root"], blake3::hash(&written).to_hex().as_str());
    assert_eq!(report["bytes"], written.len());
    let root = generate_bare(&["model-weights", model, "--threads", "1"]);
    assert_eq!(String::from_utf8(root.stdout).unwrap().trim(), report["weights_root"]);

    let draw = |arguments: &[&str]| {
        let base = ["--prompt", "pizza", "--steps", "1", "--out", &out, "--json"];
        let mut command = Command::new(env!("CARGO_BIN_EXE_generate"));
        command.args(base).args(arguments).env("DFSN_CACHE", at("cache")).output().unwrap()
    };
    let first = draw(&["--no-cache"]);
    assert!(!Path::new(&at("cache")).exists());
    let (second, third) = (draw(&[]), draw(&[]));
    let told = String::from_utf8(second.stderr.clone()).unwrap();
    let kept = told.trim().strip_prefix("the quantised weights are kept in ").unwrap();
    assert_eq!(fs::read(kept).unwrap(), written);
    assert!(third.stderr.is_empty());
    let hash = |output: &Output| last_json(output)["images"][0]["pixel_hash"].clone();
    assert_eq!([&second, &third].map(hash), [hash(&first), hash(&first)]);
}

#[test]
fn traces_of_all_tensors_are_the_same_on_every_instruction_set() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let trace = |name: &str, rest: &[&str]| {
        let (out, file) = (at("pictures"), at(name));
        let always = ["--prompt", "pizza", "--steps", "1", "--out", &out, "--dump-trace", &file];
        last_json(&generate(&[&always[..], &["--dump-trace-ops", "--json"], rest].concat()));
        fs::read_to_string(file).unwrap()
    };
    let (all, portable) = (trace("a.jsonl", &[]), trace("b.jsonl", &["--force-isa", "portable"]));
    assert_eq!(all, portable);
    let lines: Vec<Value> = all.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |network: &str| lines.iter().filter(|line| line["network"] == network).count();
    for network in ["text_encoder", "unet", "decoder"] {
        assert!(of(network) > 100, "{network}: {}", of(network));
    }
    let read = dfsn_compute::TraceFile::from_json(&all).unwrap();
    assert_eq!(read.pictures[0].boundaries.len(), 3);
    assert!(read.pictures[0].boundaries.iter().all(|boundary| boundary.state.is_none()));
    let with_states = trace("c.jsonl", &["--dump-trace-states"]);
    let read = dfsn_compute::TraceFile::from_json(&with_states).unwrap();
    assert!(read.pictures[0].boundaries.iter().all(|boundary| boundary.state.is_some()));
    let empty = tempfile::tempdir().unwrap();
    refused(&["--prompt", "x", "--dump-trace-ops"], empty.path(), "--dump-trace <FILE>");
}
