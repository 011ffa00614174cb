//! Every bound of a vector or a text: the longest one is taken, one more is not, and a claimed length costs
//! nothing before its elements arrive.

use dfsn_types::codec::{decode, encode};
use dfsn_types::*;
use serde_json::{Value, json};

use crate::allocation::allocated_by;
use crate::registry::Wire;
use crate::samples::Sample;

/// A value with a vector or a text of any length at one place.
struct Place<T> {
    json: Value,
    pointer: &'static str,
    element: Value,
    /// Bytes before the length, bytes of one element, bytes after the elements.
    parts: [Vec<u8>; 3],
    value: core::marker::PhantomData<T>,
}

impl<T: Wire> Place<T> {
    /// `pointer` leads to the vector or text in the JSON form; the vector has at least one element.
    fn of(sample: &T, pointer: &'static str) -> Self {
        let json = serde_json::to_value(sample).expect("a JSON form");
        let element = match json.pointer(pointer) {
            Some(Value::Array(items)) => items.first().cloned().expect("an element to repeat"),
            Some(Value::String(_)) => json!("~"),
            other => panic!("{pointer} leads to {other:?}"),
        };
        let mut place =
            Self { json, pointer, element, parts: Default::default(), value: core::marker::PhantomData };
        let bytes = |count| encode(&place.read_json(count).expect("a short one is allowed"));
        let (none, one) = (bytes(0), bytes(1));
        // Nothing differs before the lowest byte of the length.
        let at = none.iter().zip(&one).position(|(a, b)| a != b).expect("the lengths differ");
        let size = one.len() - none.len();
        place.parts = [none[..at].to_vec(), one[at + 4..at + 4 + size].to_vec(), none[at + 4..].to_vec()];
        place
    }

    fn read_json(&self, count: usize) -> Result<T, String> {
        let mut json = self.json.clone();
        let slot = json.pointer_mut(self.pointer).expect("the pointer is valid");
        *slot = match &self.element {
            Value::String(character) if slot.is_string() => json!(character.repeat(count)),
            element => Value::Array(vec![element.clone(); count]),
        };
        serde_json::from_value(json).map_err(|error| error.to_string())
    }

    /// Bytes with `count` elements under a length of `claimed`.
    fn bytes(&self, claimed: u32, count: usize) -> Vec<u8> {
        let [before, element, after] = &self.parts;
        let mut bytes = before.clone();
        bytes.extend(claimed.to_le_bytes());
        bytes.extend(element.repeat(count));
        bytes.extend(after);
        bytes
    }

    fn read_bytes(&self, claimed: u32, count: usize) -> Result<T, String> {
        let bytes = self.bytes(claimed, count);
        decode(&bytes, bytes.len()).map_err(|error| error.to_string())
    }

    fn check(&self, max: u32) {
        let name = format!("{} {}", std::any::type_name::<T>(), self.pointer);
        let full = max as usize;
        let longest = self.read_json(full).unwrap_or_else(|error| panic!("{name} of {max}: {error}"));
        assert_eq!(self.read_bytes(max, full).as_ref(), Ok(&longest), "{name} of {max} elements");

        let too_long = TooLong { actual: full + 1, max: full }.to_string();
        for refused in [self.read_json(full + 1), self.read_bytes(max + 1, full + 1)] {
            let error = refused.expect_err(&name);
            assert!(error.contains(&too_long), "{name}: {error:?} does not say {too_long:?}");
        }
        self.check_cost(&name, max);
    }

    /// Lengths that the bytes do not back fail without room being made for them.
    fn check_cost(&self, name: &str, max: u32) {
        let (_, honest) = allocated_by(|| self.read_bytes(1, 1));
        for (claimed, slack) in [(u32::MAX, 4 << 10), (1 << 31, 4 << 10), (max + 1, 4 << 10), (max, 64 << 10)]
        {
            let (read, allocated) = allocated_by(|| self.read_bytes(claimed, 1));
            assert!(read.is_err() || claimed == 1, "{name}: {claimed} elements read from one");
            assert!(allocated <= honest + slack, "{name}: {allocated} bytes for a claim of {claimed}");
        }
    }
}

fn kind<T: Wire>(named: &str) -> T {
    let found = T::samples().into_iter().find(|(description, _)| *description == named);
    found.map(|(_, value)| value).expect("a sample has this description")
}

fn bound<T: Wire>(sample: &T, pointer: &'static str, max: u32) {
    Place::of(sample, pointer).check(max);
}

#[test]
fn bounds_of_duties() {
    bound(&ResultCommitment::sample(), "/images", 4);
    bound(&LeafOpening::sample(), "/path", 10);
    bound(&kind::<DutyKind>("two answers"), "/submit_audit/answers", 4);
    bound(&kind::<DutyKind>("two openings"), "/open_audit/openings", 608);
}

#[test]
fn bounds_of_transactions() {
    bound(&GenerationParams::sample(), "/prompt", 2048);
    bound(&GenerationParams::sample(), "/negative_prompt", 2048);
    bound(&ComputeRegistration::sample(), "/offers", 16);
}

#[test]
fn bounds_of_blocks() {
    bound(&BlockBody::sample(), "/duties", 4096);
    bound(&BlockBody::sample(), "/transactions", 16_384);
    bound(&kind::<TransactionStatus>("failed"), "/failed/rule", 16);
}

#[test]
fn bounds_of_the_genesis_and_its_models() {
    let genesis = GenesisConfig::sample();
    bound(&genesis, "/allocations", 65_536);
    bound(&genesis, "/models", 64);
    bound(&genesis, "/profiles", 64);
    bound(&genesis, "/validators", 1024);
    bound(&genesis, "/test_prompts", 256);
    bound(&ModelManifest::sample(), "/files", 1024);
    bound(&ManifestFile::sample(), "/path", 256);
    bound(&ModelRecord::sample(), "/name", 64);
    bound(&ProfileRecord::sample(), "/float/library", 64);
    bound(&ProfileRecord::sample(), "/float/device", 64);
    bound(&ProfileRecord::sample(), "/float/instruction_set", 32);
    bound(&ProfileRecord::sample(), "/float/dtype", 16);
}

/// The bounds hold where values are made, too.
#[test]
fn bounds_of_constructors() {
    let too_long = TooLong { actual: 5, max: 4 };
    assert_eq!(BoundedVec::<u8, 4>::new(vec![0; 5]), Err(too_long));
    assert_eq!(BoundedVec::<u8, 4>::try_from(vec![0; 5]), Err(too_long));
    assert_eq!(BoundedVec::<u8, 4>::new(vec![7; 4]).map(BoundedVec::into_inner), Ok(vec![7; 4]));
    assert_eq!(BoundedString::<4>::new("é🦊"), Err(TooLong { actual: 6, max: 4 }));
    assert_eq!(BoundedString::<4>::new("🦊").as_ref().map(BoundedString::as_str), Ok("🦊"));
}

/// No place in the bytes of any sample takes memory by its number alone.
#[test]
fn claimed_lengths_cost_nothing() {
    fn check<T: Wire>() {
        for (description, sample) in T::samples() {
            let bytes = encode(&sample);
            let (_, honest) = allocated_by(|| decode::<T>(&bytes, bytes.len()));
            for at in 0..bytes.len().saturating_sub(3).min(1_000) {
                let mut changed = bytes.clone();
                changed[at..at + 4].fill(0xFF);
                let (_, allocated) = allocated_by(|| decode::<T>(&changed, changed.len()));
                let name = std::any::type_name::<T>();
                assert!(allocated <= honest + (64 << 10), "{name} {description} at {at}: {allocated} bytes");
            }
        }
    }
    macro_rules! call {
        ($($name:ident: $type:ty,)*) => { $( check::<$type>(); )* };
    }
    crate::registry::for_each_wire_type!(call);
}
