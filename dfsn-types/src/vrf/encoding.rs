//! Text, serde and borsh forms of the public VRF types: lower-case hex in text and serde, the bytes alone in
//! borsh, as everywhere in this crate.

use std::{borrow::Cow, convert::Infallible, fmt, io};

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::{VrfOutput, VrfProof, VrfPublicKey};
use crate::hex_text;

macro_rules! impl_encodings {
    ($type:ty, $len:expr, $what:literal, $from_bytes:expr) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($type), "({})"), self)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <Cow<'de, str> as Deserialize<'de>>::deserialize(deserializer)?;
                let bytes = hex_text::parse::<{ $len }>(&text)
                    .map_err(|error| D::Error::custom(format_args!(concat!($what, ": {}"), error)))?;
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
