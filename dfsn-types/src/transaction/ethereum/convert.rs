//! The structures of the Solidity interface as native ones, and back (rule ETH-06).

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::abi::IDfsn;
use super::error::{EthereumCallError, EthereumError};
use crate::address::Address;
use crate::bounded::{BoundedString, BoundedVec};
use crate::generation::{GenerationParams, ImageSize, SchedulerKind, Strength};
use crate::hash::{FileHash, Hash, ModelId, ProfileId};
use crate::key::{PublicKey, Signature};
use crate::model::{ExactRecord, ModelRecord, Pair, WorkCoefficients};
use crate::transaction::{ComputeUpdate, GenerationRequest};
use crate::unit::{Amount, DurationMs};
use crate::validator::{ComputeRegistration, KeyPossession, NodeId, PairOffer, Relay};
use crate::vrf::{VrfProof, VrfPublicKey};

impl TryFrom<&GenerationRequest> for IDfsn::generationRequestCall {
    type Error = EthereumCallError;

    fn try_from(request: &GenerationRequest) -> Result<Self, EthereumCallError> {
        let params = &request.params;
        let init_image = params.init_image().map(|image| *image.as_bytes()).unwrap_or_default();
        if params.init_image().is_some() && init_image == NO_IMAGE {
            return Err(EthereumCallError::NoForm("an initial image whose hash is zero"));
        }
        let params = IDfsn::GenerationParams {
            model: params.model().as_bytes().into(),
            profile: params.profile().as_bytes().into(),
            prompt: params.prompt().as_str().to_owned(),
            negativePrompt: params.negative_prompt().as_str().to_owned(),
            seed: params.seed(),
            numInferenceSteps: params.num_inference_steps(),
            guidanceScale: params.guidance_scale().thousandths(),
            strength: params.strength().thousandths(),
            scheduler: params.scheduler() as u8,
            height: params.size().height(),
            width: params.size().width(),
            numImages: params.num_images(),
            initImage: init_image.into(),
        };
        Ok(Self {
            params,
            pricePerUnit: request.price_per_unit.base_units(),
            expiresMs: request.expires_ms.get(),
            unaudited: request.unaudited,
        })
    }
}

impl TryFrom<IDfsn::generationRequestCall> for GenerationRequest {
    type Error = EthereumError;

    fn try_from(call: IDfsn::generationRequestCall) -> Result<Self, EthereumError> {
        Ok(Self {
            params: call.params.try_into()?,
            price_per_unit: Amount::from_base_units(call.pricePerUnit),
            expires_ms: DurationMs::new(call.expiresMs),
            unaudited: call.unaudited,
        })
    }
}

impl TryFrom<IDfsn::GenerationParams> for GenerationParams {
    type Error = EthereumError;

    fn try_from(params: IDfsn::GenerationParams) -> Result<Self, EthereumError> {
        let size = ImageSize::new(params.height, params.width).map_err(range("size"))?;
        let strength = Strength::from_thousandths(params.strength).map_err(range("strength"))?;
        let scheduler = SchedulerKind::ALL.into_iter().find(|kind| *kind as u8 == params.scheduler);
        let scheduler = scheduler.ok_or_else(|| range("scheduler")(params.scheduler))?;
        let (model, profile) = (ModelId::from_bytes(params.model.0), ProfileId::from_bytes(params.profile.0));
        let builder = Self::builder(model, profile, params.prompt, size)
            .negative_prompt(params.negativePrompt)
            .seed(params.seed)
            .num_inference_steps(params.numInferenceSteps)
            .guidance_thousandths(params.guidanceScale)
            .strength(strength)
            .scheduler(scheduler)
            .num_images(params.numImages);
        let image = Some(params.initImage.0).filter(|image| *image != NO_IMAGE);
        let builder = match image {
            Some(image) => builder.init_image(FileHash::from_bytes(image), strength),
            None => builder,
        };
        builder.build().map_err(range("params"))
    }
}

impl From<&ComputeUpdate> for IDfsn::registerComputeCall {
    fn from(update: &ComputeUpdate) -> Self {
        let (registration, possession) = (&update.registration, &update.possession);
        let offer = |offer: &PairOffer| IDfsn::PairOffer {
            model: offer.pair.model.as_bytes().into(),
            profile: offer.pair.profile.as_bytes().into(),
            capacity: offer.capacity,
            minPrice: offer.min_price.base_units(),
        };
        Self {
            registration: IDfsn::ComputeRegistration {
                dutyKey: registration.duty_key.as_bytes().into(),
                vrfKey: registration.vrf_key.as_bytes().into(),
                computeKey: registration.compute_key.as_bytes().into(),
                payout: alloy_primitives::Address::new(*registration.payout.as_bytes()),
                offers: registration.offers.iter().map(offer).collect(),
                relay: registration.relay.into(),
            },
            possession: IDfsn::KeyPossession {
                duty: possession.duty.as_bytes().to_vec().into(),
                compute: possession.compute.as_bytes().to_vec().into(),
                vrf: possession.vrf.as_bytes().to_vec().into(),
            },
        }
    }
}

impl TryFrom<IDfsn::registerComputeCall> for ComputeUpdate {
    type Error = EthereumError;

    fn try_from(call: IDfsn::registerComputeCall) -> Result<Self, EthereumError> {
        let possession = KeyPossession {
            duty: Signature::from_bytes(exactly(&call.possession.duty, "possession.duty")?),
            compute: Signature::from_bytes(exactly(&call.possession.compute, "possession.compute")?),
            vrf: VrfProof::from_bytes(&exactly(&call.possession.vrf, "possession.vrf")?),
        };
        Ok(Self { registration: call.registration.try_into()?, possession })
    }
}

impl TryFrom<IDfsn::ComputeRegistration> for ComputeRegistration {
    type Error = EthereumError;

    fn try_from(registration: IDfsn::ComputeRegistration) -> Result<Self, EthereumError> {
        let offer = |offer: IDfsn::PairOffer| PairOffer {
            pair: Pair {
                model: ModelId::from_bytes(offer.model.0),
                profile: ProfileId::from_bytes(offer.profile.0),
            },
            capacity: offer.capacity,
            min_price: Amount::from_base_units(offer.minPrice),
        };
        let offers = registration.offers.into_iter().map(offer).collect();
        Ok(Self {
            duty_key: PublicKey::from_bytes(registration.dutyKey.0),
            vrf_key: VrfPublicKey::from_bytes(&registration.vrfKey.0).map_err(range("vrfKey"))?,
            compute_key: PublicKey::from_bytes(registration.computeKey.0),
            payout: Address::from_bytes(registration.payout.into_array()),
            offers: BoundedVec::new(offers).map_err(range("offers"))?,
            relay: registration.relay.try_into()?,
        })
    }
}

impl From<&ModelRecord> for IDfsn::registerModelCall {
    fn from(record: &ModelRecord) -> Self {
        let WorkCoefficients { a, b, d, t } = record.work;
        let exact = record.exact.as_ref();
        Self {
            model: IDfsn::ModelRecord {
                id: record.id.as_bytes().into(),
                name: record.name.as_str().to_owned(),
                a,
                b,
                d,
                t,
                latentChannels: record.latent_channels,
                vaeScaleFactor: record.vae_scale_factor,
                sizeMultiple: record.size_multiple,
                sizeMax: record.size_max,
                testHeight: record.test_size.height(),
                testWidth: record.test_size.width(),
                weightsRoot: exact.map_or([0; 32], |exact| *exact.weights_root.as_bytes()).into(),
                architecture: exact.map_or_else(Vec::new, |exact| exact.architecture.to_vec()).into(),
            },
        }
    }
}

impl TryFrom<IDfsn::registerModelCall> for ModelRecord {
    type Error = EthereumError;

    fn try_from(call: IDfsn::registerModelCall) -> Result<Self, EthereumError> {
        let IDfsn::ModelRecord { a, b, d, t, .. } = call.model;
        let weights_root = Hash::from_bytes(call.model.weightsRoot.0);
        let architecture = Vec::from(call.model.architecture);
        let exact = match (architecture.is_empty(), *weights_root.as_bytes() == [0; 32]) {
            (true, true) => None,
            (true, false) => return Err(range("weightsRoot")("a root of weights without an architecture")),
            (false, _) => {
                let architecture = BoundedVec::new(architecture).map_err(range("architecture"))?;
                Some(ExactRecord { weights_root, architecture })
            }
        };
        Ok(Self {
            id: ModelId::from_bytes(call.model.id.0),
            name: BoundedString::new(call.model.name).map_err(range("name"))?,
            work: WorkCoefficients { a, b, d, t },
            latent_channels: call.model.latentChannels,
            vae_scale_factor: call.model.vaeScaleFactor,
            size_multiple: call.model.sizeMultiple,
            size_max: call.model.sizeMax,
            test_size: ImageSize::new(call.model.testHeight, call.model.testWidth)
                .map_err(range("testSize"))?,
            exact,
        })
    }
}

impl From<Relay> for IDfsn::Relay {
    fn from(relay: Relay) -> Self {
        let (kind, host, port) = match relay {
            Relay::Node(node) => (NODE, padded(node.as_bytes()), 0),
            Relay::Ip(IpAddr::V4(address), port) => (IPV4, padded(&address.octets()), port),
            Relay::Ip(IpAddr::V6(address), port) => (IPV6, padded(&address.octets()), port),
        };
        Self { kind, host: host.into(), port }
    }
}

impl TryFrom<IDfsn::Relay> for Relay {
    type Error = EthereumError;

    fn try_from(relay: IDfsn::Relay) -> Result<Self, EthereumError> {
        let (host, port) = (relay.host.0, relay.port);
        let address: [u8; 16] = *host.first_chunk().unwrap_or(&[0; 16]);
        let [a, b, c, d, ..] = host;
        let native = match relay.kind {
            NODE => Self::Node(NodeId::from_bytes(host)),
            IPV4 => Self::Ip(Ipv4Addr::new(a, b, c, d).into(), port),
            IPV6 => Self::Ip(Ipv6Addr::from(address).into(), port),
            other => return Err(range("relay.kind")(other)),
        };
        // What the kind does not use is zero.
        let again = IDfsn::Relay::from(native);
        if again.host == relay.host && again.port == port {
            Ok(native)
        } else {
            Err(range("relay")("a host longer than its kind, or a port of a node"))
        }
    }
}

/// In place of the hash of an initial image.
const NO_IMAGE: [u8; 32] = [0; 32];

const NODE: u8 = 0;
const IPV4: u8 = 1;
const IPV6: u8 = 2;

fn padded(bytes: &[u8]) -> [u8; 20] {
    let mut host = [0; 20];
    for (place, byte) in host.iter_mut().zip(bytes) {
        *place = *byte;
    }
    host
}

fn exactly<const N: usize>(bytes: &[u8], field: &'static str) -> Result<[u8; N], EthereumError> {
    bytes.try_into().map_err(|_| range(field)(format!("{} bytes, not {N}", bytes.len())))
}

fn range<E: ToString>(field: &'static str) -> impl Fn(E) -> EthereumError {
    move |error| EthereumError::Range { field, reason: error.to_string() }
}
