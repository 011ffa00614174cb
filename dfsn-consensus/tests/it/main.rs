//! The rules from the outside: a simulated network with real keys, real traces and real duties, honest and otherwise.
//!
//! Only inference is stood in for (`network::inference`): every step is one hash. A test's name begins with the id of the rule
//! it shows, or is a name that the protocol gives.

mod actions;
mod attacks;
mod audits;
mod blocks;
mod cancelling;
mod challenges;
mod cheats;
mod claim_duty;
mod clock;
mod contests;
mod deliveries;
mod demands;
mod disk;
mod disputes;
mod draws;
mod duties;
mod economics;
mod ethereum;
mod evidence;
mod failures;
mod genesis;
mod hardware;
mod holds;
mod inclusion;
mod lanes;
mod life;
mod models;
mod network;
mod openings;
mod pool;
mod pool_attacks;
mod proofs;
mod properties;
#[cfg(feature = "redb")]
mod redb_store;
mod replays;
mod rules;
mod simulation;
mod storage;
mod transition_vectors;
mod upgrades;
mod validators;
mod votes;
mod whole_network;
mod world;
