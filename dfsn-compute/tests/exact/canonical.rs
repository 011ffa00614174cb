//! The canonical file of weights: its bytes, and loading from it.

use std::fs;
use std::io;
use std::num::NonZeroU16;

use dfsn_compute::exact::{
    ExactBackend, ExactEngine, ExactModel, ExactOptions, ExactWeight, ExactWeights, WeightsCache,
    WeightsOrigin, write_weights,
};
use dfsn_compute::{Backend, ModelConfig, TextInput, manifest};
use dfsn_consensus::exact::{WeightForm, WeightLayout};

const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/emoji-64");
const IDS: [u32; 4] = [2312, 5, 77, 2313];

fn config() -> ModelConfig {
    ModelConfig::load(MODEL).unwrap()
}

fn threads(threads: u16) -> ExactOptions {
    ExactOptions { threads: NonZeroU16::new(threads), ..ExactOptions::default() }
}

fn layout() -> WeightLayout {
    ExactModel::of(&config()).unwrap().layout().unwrap()
}

fn text(backend: &mut ExactBackend) -> Vec<u32> {
    let encoded = backend.encode_text(&TextInput::new(0, &IDS)).unwrap();
    encoded.embeddings.iter().map(|number| number.to_bits()).collect()
}

fn expected_text() -> Vec<u32> {
    text(&mut ExactBackend::load(&config(), threads(1)).unwrap())
}

/// A change of it is a new profile name.
const ROOT: &str = "bb549bfdde75fed8c73103de7d6000db2354a5a0ec08bf32d9416cb83cd5a818";

#[test]
fn the_root_of_emoji_64_is_pinned_on_any_number_of_threads() {
    let (config, layout) = (config(), layout());
    println!("emoji-64: {} parameters in {} bytes", layout.entries().len(), layout.length());
    for count in [1, 2] {
        let root = write_weights(&config, threads(count), &mut io::sink()).unwrap();
        assert_eq!(blake3::Hash::from(root).to_hex().as_str(), ROOT);
    }
}

#[test]
fn rows_scales_and_numbers_lie_where_the_layout_says() {
    let config = config();
    let mut file = Vec::new();
    let root = write_weights(&config, threads(2), &mut file).unwrap();
    assert_eq!(blake3::hash(&file).as_bytes(), &root);
    let (layout, weights) = (layout(), ExactWeights::load(&config).unwrap());
    assert_eq!(file.len() as u64, layout.length());
    assert_eq!(file[..64], layout.header());
    let bytes = |range: std::ops::Range<u64>| &file[range.start as usize..range.end as usize];
    for entry in layout.entries() {
        let (spec, row) = (entry.spec(), entry.spec().form.rows() - 1);
        let width = spec.form.width();
        match (weights.get(&spec.name).unwrap(), spec.form) {
            (ExactWeight::Quantised { values, scales }, WeightForm::Quantised { .. }) => {
                let expected: Vec<u8> = values[row * width..].iter().flat_map(|q| q.to_le_bytes()).collect();
                assert_eq!(bytes(entry.row(row).unwrap()), expected, "{}", spec.name);
                assert_eq!(bytes(entry.scale(row).unwrap()), scales[row].to_le_bytes(), "{}", spec.name);
            }
            (ExactWeight::Plain(values), WeightForm::Plain { .. }) => {
                let last = bytes(entry.numbers(row, width - 1..width).unwrap());
                assert_eq!(last, values.last().unwrap().to_le_bytes(), "{}", spec.name);
            }
            (weight, form) => panic!("{}: {weight:?} is not {form:?}", spec.name),
        }
    }
}

#[test]
fn a_model_is_quantised_once_and_loaded_from_its_file_after_that() {
    let dir = tempfile::tempdir().unwrap();
    let cache = WeightsCache::new(dir.path(), manifest(MODEL).unwrap().id());
    let load = |options| ExactBackend::load_cached(&config(), options, &cache).unwrap();
    let mut first = load(threads(2));
    let (path, root) = cache.find().unwrap();
    assert_eq!(first.origin(), &WeightsOrigin::Kept(path.clone()));
    assert_eq!(first.weights_root(), Some(root));
    assert_eq!(blake3::hash(&fs::read(&path).unwrap()).as_bytes(), &root);
    assert_eq!(text(&mut first), expected_text());
    for options in [threads(1), ExactOptions { engine: ExactEngine::Scalar, ..threads(1) }] {
        let mut next = load(options);
        assert_eq!(next.origin(), &WeightsOrigin::Cached(path.clone()));
        assert_eq!(next.weights_root(), Some(root));
        assert_eq!(text(&mut next), expected_text());
    }
}

#[test]
fn a_damaged_file_is_written_anew() {
    let dir = tempfile::tempdir().unwrap();
    let cache = WeightsCache::new(dir.path(), manifest(MODEL).unwrap().id());
    let load = || ExactBackend::load_cached(&config(), threads(2), &cache).unwrap();
    load();
    let (path, _) = cache.find().unwrap();
    let whole = fs::read(&path).unwrap();
    let layout = layout();
    let entries = layout.entries();
    let padding = entries.windows(2).find(|pair| pair[0].values().end % 64 != 0).unwrap()[0].values().end;
    // Header, a value, padding, the last scale's last byte.
    for place in [3, entries[7].values().start as usize, padding as usize, whole.len() - 1] {
        let mut damaged = whole.clone();
        damaged[place] ^= 1;
        fs::write(&path, damaged).unwrap();
        let mut backend = load();
        assert_eq!(backend.origin(), &WeightsOrigin::Kept(path.clone()), "byte {place}");
        assert_eq!(text(&mut backend), expected_text());
    }
    fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    assert_eq!(load().origin(), &WeightsOrigin::Kept(path.clone()));
    assert_eq!(load().origin(), &WeightsOrigin::Cached(path));
}

#[test]
fn a_cache_that_cannot_be_written_is_told_and_loading_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let taken = dir.path().join("taken");
    fs::write(&taken, "a file, no folder").unwrap();
    let cache = WeightsCache::new(&taken, manifest(MODEL).unwrap().id());
    let mut backend = ExactBackend::load_cached(&config(), threads(1), &cache).unwrap();
    assert!(
        matches!(backend.origin(), WeightsOrigin::NotKept(reason) if reason.contains("cannot be written"))
    );
    assert_eq!((backend.weights_root(), text(&mut backend)), (None, expected_text()));
}

#[test]
fn what_a_killed_process_left_is_written_over() {
    let dir = tempfile::tempdir().unwrap();
    let id = manifest(MODEL).unwrap().id();
    let folder = dir.path().join("exact-v1").join(id.to_string());
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("partial"), vec![7; 1 << 20]).unwrap();
    let cache = WeightsCache::new(dir.path(), id);
    let backend = ExactBackend::load_cached(&config(), threads(2), &cache).unwrap();
    assert!(matches!(backend.origin(), WeightsOrigin::Kept(_)));
    assert!(!folder.join("partial").exists());
}
