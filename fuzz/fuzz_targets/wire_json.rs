//! Every type with a JSON form: what JSON says can be said in bytes, too.
#![no_main]

use dfsn_fuzz::{decoded, for_each_wire_type, read_json};
use dfsn_types::*;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    macro_rules! check {
        ($($name:ident: $type:ty,)*) => { $(
            if let Some(value) = read_json::<$type>(data) {
                let again = decoded::<$type>(&codec::encode(&value));
                assert!(again.as_ref() == Some(&value), "{} has JSON that has no bytes", stringify!($name));
            }
        )* };
    }
    for_each_wire_type!(check);
});
