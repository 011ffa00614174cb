//! RegisterCompute: keys, relay and pairs of a validator.

use core::net::IpAddr;
use std::collections::BTreeMap;

use dfsn_types::{Address, ComputeRegistration, ComputeUpdate, Relay};

use super::Execution;
use crate::error::TransactionFailure;
use crate::state::{PairRecord, Repeats};

impl Execution {
    /// Registers or replaces (rules STK-03, REG-01 to REG-05). New pairs start on trial; a new VRF key counts after its warm-up.
    pub(super) fn register_compute(
        &mut self,
        sender: Address,
        update: &ComputeUpdate,
    ) -> Result<(), TransactionFailure> {
        let registration = &update.registration;
        let address = self.staked_validator(&sender)?.address;
        self.check_registration(address, registration)?;
        let possession = registration.verify_possession(&self.state.chain, &address, &update.possession);
        possession.map_err(TransactionFailure::Possession)?;
        let now = self.state.tip.timestamp;
        let validator =
            self.state.validators.get_mut(&address).ok_or(TransactionFailure::NotAValidator(sender))?;
        let same_vrf = validator.registration.as_ref().is_some_and(|old| old.vrf_key == registration.vrf_key);
        if !same_vrf {
            validator.vrf_since = now;
        }
        let old = core::mem::take(&mut validator.pairs);
        let kept = |offer: &dfsn_types::PairOffer| match old.get(&offer.pair) {
            Some(record) => PairRecord { capacity: offer.capacity, min_price: offer.min_price, ..*record },
            None => PairRecord::from_offer(offer),
        };
        validator.pairs =
            registration.offers.iter().map(|offer| (offer.pair, kept(offer))).collect::<BTreeMap<_, _>>();
        validator.registration = Some(registration.clone());
        validator.paused = false;
        validator.missed_turns = Repeats::NONE;
        Ok(())
    }

    fn check_registration(
        &self,
        address: Address,
        registration: &ComputeRegistration,
    ) -> Result<(), TransactionFailure> {
        for offer in registration.offers.iter() {
            let pair = offer.pair;
            if !self.state.models.contains_key(&pair.model) {
                return Err(TransactionFailure::UnknownModel(pair.model));
            }
            if !self.state.profiles.contains_key(&pair.profile) {
                return Err(TransactionFailure::UnknownProfile(pair.profile));
            }
            if offer.capacity == 0 {
                return Err(TransactionFailure::OfferCapacity);
            }
        }
        if !registration.offers.is_sorted_by(|a, b| a.pair < b.pair) {
            return Err(TransactionFailure::OfferOrder);
        }
        if let Relay::Ip(address, _) = registration.relay
            && !is_global(address)
        {
            return Err(TransactionFailure::RelayNotGlobal(address));
        }
        let same_key = |other: &ComputeRegistration| other.vrf_key == registration.vrf_key;
        let mut others = self.state.validators.iter().filter(|(other, _)| **other != address);
        match others.find(|(_, other)| other.registration.as_ref().is_some_and(same_key)) {
            Some((other, _)) => Err(TransactionFailure::VrfKeyTaken(*other)),
            None => Ok(()),
        }
    }
}

/// Whether anyone on the internet can reach an address, so that fetchers are not turned against inner networks (rule REG-03).
fn is_global(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            let shared = a == 100 && (64..128).contains(&b);
            let special = a == 0 || a >= 240 || (a == 192 && b == 0) || (a == 198 && (b == 18 || b == 19));
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_multicast()
                || v4.is_documentation()
                || shared
                || special)
        }
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => is_global(IpAddr::V4(v4)),
            // 2000::/3 is all that is assigned. Of it 2001::/23 is for protocols, 2001:db8::/32 and 3fff::/20 are for documents, and
            // 2002::/16 leads to an IPv4 address, of inner networks too.
            None => {
                let [a, b, ..] = v6.segments();
                let special = (a == 0x2001 && (b < 0x0200 || b == 0x0db8))
                    || a == 0x2002
                    || (a == 0x3fff && b < 0x1000);
                a & 0xe000 == 0x2000 && !special
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::is_global;

    #[test]
    fn reg_03_inner_addresses_are_not_global() {
        for inner in [
            "127.0.0.1",
            "10.1.2.3",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "::1",
            "fe80::1",
            "fc00::1",
            "::ffff:10.0.0.1",
            "2001:db8::1",
            "2001::1",
            "2002:a00:1::1",
            "3fff::1",
        ] {
            assert!(!is_global(inner.parse().unwrap()), "{inner}");
        }
        for outer in ["8.8.8.8", "2606:4700::1111", "2001:4860::8888", "3fff:1000::1", "::ffff:8.8.8.8"] {
            assert!(is_global(outer.parse().unwrap()), "{outer}");
        }
    }
}
