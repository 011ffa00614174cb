//! Models that overflow: one tensor of a safetensors file is replaced by a number that is too large for what follows.

use serde_json::{Map, Value, json};

/// The file with every number of a tensor replaced by `value`, in 32 bits.
pub(crate) fn poisoned(file: &[u8], tensor: &str, value: f32) -> Vec<u8> {
    let length = u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    let (header, data) = file[8..].split_at(length);
    let header: Map<String, Value> = serde_json::from_slice(header).unwrap();
    assert!(header.contains_key(tensor), "the file holds no {tensor}");
    let mut tensors: Vec<(&String, &Value)> =
        header.iter().filter(|(name, _)| *name != "__metadata__").collect();
    tensors.sort_by_key(|(_, it)| it["data_offsets"][0].as_u64());
    let (mut listed, mut bytes) = (Map::new(), Vec::new());
    for (name, it) in tensors {
        let offsets = [0, 1].map(|end| it["data_offsets"][end].as_u64().unwrap() as usize);
        let start = bytes.len();
        let is_poisoned = name == tensor;
        if is_poisoned {
            let numbers: u64 =
                it["shape"].as_array().unwrap().iter().map(|side| side.as_u64().unwrap()).product();
            bytes.extend(value.to_le_bytes().repeat(numbers as usize));
        } else {
            bytes.extend_from_slice(&data[offsets[0]..offsets[1]]);
        }
        let dtype = if is_poisoned { json!("F32") } else { it["dtype"].clone() };
        let entry = json!({ "dtype": dtype, "shape": it["shape"], "data_offsets": [start, bytes.len()] });
        listed.insert(name.clone(), entry);
    }
    let mut header = serde_json::to_vec(&listed).unwrap();
    header.resize(header.len().next_multiple_of(8), b' ');
    [&(header.len() as u64).to_le_bytes()[..], &header, &bytes].concat()
}
