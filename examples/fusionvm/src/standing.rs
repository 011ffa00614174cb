//! Whether the chain knows a validator by the keys that its node has.

use dfsn_consensus::state::ChainState;
use dfsn_types::{Address, PublicKey, VrfPublicKey};

use crate::operated::Operated;

/// How a validator's registration fits the keys of its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nobody of that name has staked.
    NoStake,
    /// There is stake, and no registration.
    NotRegistered,
    /// Another node signs for it.
    OtherDutyKey,
    /// This node signs for it, but draws by another key, so that it claims no audits.
    OtherVrfKey,
    /// Both keys are here.
    Registered,
}

impl Standing {
    /// Whether the chain takes duties that this node signs.
    pub(crate) const fn may_sign(self) -> bool {
        matches!(self, Self::OtherVrfKey | Self::Registered)
    }

    const fn in_words(self) -> &'static str {
        match self {
            Self::NoStake => "does not work yet for this validator: nobody has staked by this name",
            Self::NotRegistered => {
                "does not work yet for this validator: it has stake and no registration; `fusionvm register` prints one for \
                 its owner to sign"
            }
            Self::OtherDutyKey => {
                "does not work for this validator: it is registered with another duty key; `fusionvm register` prints a \
                 registration with this node's for its owner to sign"
            }
            Self::OtherVrfKey => {
                "works for this validator, but claims no audits: it is registered with another VRF key; `fusionvm register` \
                 prints a registration with this node's for its owner to sign"
            }
            Self::Registered => "works for this validator: it is registered with this node's keys",
        }
    }
}

/// Looks after one validator's registration, and says so when it changes.
#[derive(Debug)]
pub(crate) struct Watch {
    validator: Address,
    duty: PublicKey,
    vrf: VrfPublicKey,
    last: Option<Standing>,
}

impl Watch {
    pub(crate) fn new(operated: &Operated) -> Self {
        let Operated { validator, secret } = operated;
        let (duty, vrf) = (secret.duty().public_key(), secret.vrf().public_key());
        Self { validator: *validator, duty, vrf, last: None }
    }

    /// How it stands.
    pub(crate) fn look(&mut self, state: &ChainState) -> Standing {
        let standing = self.of(state);
        if self.last.replace(standing) != Some(standing) {
            self.say(standing);
        }
        standing
    }

    /// Says again what is wrong.
    pub(crate) fn remind(&self) {
        if let Some(standing) = self.last.filter(|standing| *standing != Standing::Registered) {
            self.say(standing);
        }
    }

    fn of(&self, state: &ChainState) -> Standing {
        let Some(validator) = state.validators.get(&self.validator) else { return Standing::NoStake };
        match &validator.registration {
            None => Standing::NotRegistered,
            Some(registration) if registration.duty_key != self.duty => Standing::OtherDutyKey,
            Some(registration) if registration.vrf_key != self.vrf => Standing::OtherVrfKey,
            Some(_) => Standing::Registered,
        }
    }

    fn say(&self, standing: Standing) {
        let (validator, words) = (self.validator.to_eip55(), standing.in_words());
        match standing {
            Standing::Registered => tracing::info!(validator, address = %self.validator, "{words}"),
            _ => tracing::warn!(validator, address = %self.validator, "{words}"),
        }
    }
}
