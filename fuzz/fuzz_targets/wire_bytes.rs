//! Every type with a byte form: what decodes encodes to the same bytes, and survives JSON.
#![no_main]

use dfsn_fuzz::{decoded, for_each_wire_type, read_json};
use dfsn_types::*;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    macro_rules! check {
        ($($name:ident: $type:ty,)*) => { $(
            if let Some(value) = decoded::<$type>(data) {
                let text = serde_json::to_vec(&value).expect("a decoded value has a JSON form");
                let again = read_json::<$type>(&text);
                assert!(again.as_ref() == Some(&value), "{} reads other JSON than it writes", stringify!($name));
            }
        )* };
    }
    for_each_wire_type!(check);
});
