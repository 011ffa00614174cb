//! Genesis files that start no network.

use dfsn_consensus::state::{ChainState, GenesisError, ModelError, ParamError, SUPPLY_MAX};
use dfsn_types::{
    Allocation, Amount, BoundedVec, ConsensusParams, DurationMs, GenesisConfig, ModelId, Ppm, ProfileId,
    SecretKey,
};

use crate::network::setup::{address, model};
use crate::network::{Behaviour, Setup};

fn refused(edit: impl FnOnce(&mut GenesisConfig)) -> GenesisError {
    let mut config = Setup::worker(Behaviour::HONEST, 3).config();
    edit(&mut config);
    ChainState::genesis(&config).unwrap_err()
}

/// The list with one more entry.
fn with<T: Clone, const MAX: usize>(list: &BoundedVec<T, MAX>, more: T) -> BoundedVec<T, MAX> {
    let mut items = list.to_vec();
    items.push(more);
    BoundedVec::new(items).unwrap()
}

#[test]
fn gns_01_too_much_money() {
    let to = address(&SecretKey::from_seed(&[3; 32]));
    for amount in [SUPPLY_MAX, Amount::from_base_units(u128::MAX)] {
        let error = refused(|config| {
            config.allocations = with(&config.allocations, Allocation { address: to, amount });
        });
        assert!(matches!(error, GenesisError::SupplyTooLarge { total } if total > SUPPLY_MAX), "{error}");
    }
}

#[test]
fn gns_02_listed_twice() {
    let errors = [
        refused(|config| config.allocations = with(&config.allocations, config.allocations[0])),
        refused(|config| config.models = with(&config.models, model(1))),
        refused(|config| config.profiles = with(&config.profiles, config.profiles[0].clone())),
        refused(|config| config.validators = with(&config.validators, config.validators[0].clone())),
        refused(|config| {
            let mut twin = config.validators[0].clone();
            twin.registration.vrf_key =
                Setup::worker(Behaviour::HONEST, 8).config().validators[7].registration.vrf_key;
            config.validators = with(&config.validators, twin);
        }),
        refused(|config| {
            let mut validators = config.validators.to_vec();
            let offers = &mut validators[0].registration.offers;
            *offers = with(offers, offers[0]);
            config.validators = BoundedVec::new(validators).unwrap();
        }),
    ];
    for (error, what) in errors.iter().zip(["account", "model", "profile", "vrf key", "validator", "offer"]) {
        let named = matches!(error, GenesisError::Duplicate { what: named, .. } if named.starts_with(what));
        assert!(named, "{what}: {error}");
    }
}

#[test]
fn gns_03_validator_that_could_not_register() {
    let first = |config: &mut GenesisConfig, edit: &dyn Fn(&mut dfsn_types::GenesisValidator)| {
        let mut validators = config.validators.to_vec();
        edit(&mut validators[0]);
        config.validators = BoundedVec::new(validators).unwrap();
    };
    let offer = |edit: fn(&mut dfsn_types::PairOffer)| {
        refused(|config| {
            first(config, &|validator| {
                let mut offers = validator.registration.offers.to_vec();
                edit(&mut offers[0]);
                validator.registration.offers = BoundedVec::new(offers).unwrap();
            });
        })
    };
    let unknown = offer(|offer| offer.pair.model = ModelId::from_bytes([99; 32]));
    assert!(matches!(unknown, GenesisError::UnknownPair { .. }), "{unknown}");
    let unknown = offer(|offer| offer.pair.profile = ProfileId::from_bytes([99; 32]));
    assert!(matches!(unknown, GenesisError::UnknownPair { .. }), "{unknown}");
    let idle = offer(|offer| offer.capacity = 0);
    assert!(matches!(idle, GenesisError::Validator { .. }), "{idle}");
    let poor = refused(|config| first(config, &|validator| validator.stake = Amount::from_dfsn(999)));
    assert!(matches!(poor, GenesisError::Validator { .. }), "{poor}");
}

#[test]
fn gns_04_numbers_out_of_bounds() {
    type Edit = fn(&mut ConsensusParams);
    let cases: [(&str, Edit); 7] = [
        ("clock_step_ms", |params| params.chain.clock_step_ms = DurationMs::ZERO),
        ("window_blocks_min", |params| params.chain.window_blocks_min = 0),
        ("draws_max", |params| params.chain.draws_max = 0),
        ("attempts_max", |params| params.windows.attempts_max = 0),
        ("open_ms", |params| params.windows.open_ms = DurationMs::new(u64::MAX)),
        ("rate_ramp", |params| params.sortition.rate_ramp = Ppm::new(u64::MAX)),
        ("collateral_prices", |params| params.penalties.collateral_prices = u64::MAX),
    ];
    for (expected, edit) in cases {
        let error = refused(|config| edit(&mut config.params));
        assert!(
            matches!(error, GenesisError::Param(ParamError { name, .. }) if name == expected),
            "{expected}: {error}"
        );
    }
    assert!(ChainState::genesis(&Setup::worker(Behaviour::HONEST, 3).config()).is_ok());
}

#[test]
fn gns_05_model_whose_states_are_too_large_to_post() {
    let error = refused(|config| {
        let mut large = model(3);
        (large.latent_channels, large.vae_scale_factor) = (255, 1);
        config.models = with(&config.models, large);
    });
    // The latents and the three tensors that the scheduler of the longest history keeps.
    let bytes = 255 * 128 * 128 * 4 * 4;
    assert_eq!(error, GenesisError::Model { model: model(3).id, error: ModelError::StateTooLarge { bytes } });
}

#[test]
fn gns_05_model_that_cannot_be_tested() {
    let error = refused(|config| {
        let mut small = model(3);
        small.size_max = small.test_size.height() - 8;
        config.models = with(&config.models, small);
    });
    assert!(matches!(error, GenesisError::Model { error: ModelError::TestSize, .. }), "{error}");
}

#[test]
fn gns_06_no_test_prompts() {
    assert_eq!(refused(|config| config.test_prompts = BoundedVec::empty()), GenesisError::NoTestPrompts);
}
