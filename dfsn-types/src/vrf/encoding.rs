//! Text, serde and borsh forms of the public VRF types.
//!
//! Text and human-readable serde: lower-case hex (either case is read). Binary serde: a byte string.
//! borsh: the bytes alone, as the length is fixed.

use std::{convert::Infallible, fmt, io};

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, SeqAccess, Visitor},
};

use super::{VrfOutput, VrfProof, VrfPublicKey};

macro_rules! impl_encodings {
    ($type:ty, $len:expr, $what:literal, $from_bytes:expr) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($type), "({})"), self)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    serializer.serialize_bytes(&self.0)
                }
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let visitor = FixedBytes::<{ $len }>($what);
                let bytes = if deserializer.is_human_readable() {
                    deserializer.deserialize_str(visitor)?
                } else {
                    deserializer.deserialize_bytes(visitor)?
                };
                $from_bytes(&bytes).map_err(D::Error::custom)
            }
        }

        impl BorshSerialize for $type {
            fn serialize<W: io::Write>(&self, writer: &mut W) -> io::Result<()> {
                writer.write_all(&self.0)
            }
        }

        impl BorshDeserialize for $type {
            fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
                let bytes = <[u8; $len]>::deserialize_reader(reader)?;
                $from_bytes(&bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
            }
        }
    };
}

impl_encodings!(VrfPublicKey, 32, "vrf public key", VrfPublicKey::from_bytes);
impl_encodings!(VrfProof, VrfProof::LEN, "vrf proof", VrfProof::unchecked);
impl_encodings!(VrfOutput, VrfOutput::LEN, "vrf output", VrfOutput::unchecked);

impl VrfProof {
    fn unchecked(bytes: &[u8; Self::LEN]) -> Result<Self, Infallible> {
        Ok(Self(*bytes))
    }
}

impl VrfOutput {
    fn unchecked(bytes: &[u8; Self::LEN]) -> Result<Self, Infallible> {
        Ok(Self(*bytes))
    }
}

/// Reads exactly `N` bytes: from hex, from a byte string, or from a sequence of integers.
struct FixedBytes<const N: usize>(&'static str);

impl<'de, const N: usize> Visitor<'de> for FixedBytes<N> {
    type Value = [u8; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {N} bytes ({} hex digits in text)", self.0, 2 * N)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<[u8; N], E> {
        if text.len() != 2 * N {
            return Err(E::invalid_length(text.len(), &self));
        }
        let mut bytes = [0; N];
        hex::decode_to_slice(text, &mut bytes)
            .map_err(|error| E::custom(format_args!("{}: {error}", self.0)))?;
        Ok(bytes)
    }

    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<[u8; N], E> {
        bytes.try_into().map_err(|_| E::invalid_length(bytes.len(), &self))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<[u8; N], A::Error> {
        let mut bytes = [0; N];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = sequence.next_element()?.ok_or_else(|| A::Error::invalid_length(index, &self))?;
        }
        if sequence.next_element::<u8>()?.is_some() {
            return Err(A::Error::invalid_length(N + 1, &self));
        }
        Ok(bytes)
    }
}
