//! Why honest work wins, computed: what every way of cheating gains and loses under given parameters.
//!
//! Nothing here is a rule. It reads [`ConsensusParams`](dfsn_types::ConsensusParams) and the functions that the rules use, and
//! answers what they lead to, in integers: the same figures on every machine. Sums of money are in prices of the job concerned,
//! since all penalties are multiples of it (rule JOB-02).
//!
//! The inequality of the design is `p * d * (1 - rho) * (R + S) > gain`. Here `p * d * (1 - rho)` is the chance that an honest
//! claim hits a fake, from the whole distribution of claims and questions; `S` is the lock, less what colluding claimants get back
//! of it; `R` is the worker's part of the price.
//!
//! ```
//! use dfsn_consensus::economics::{Assumptions, Case, Cheat, Fixed, Verdict, Workload};
//! use dfsn_types::ConsensusParams;
//!
//! let params = ConsensusParams::default();
//! let work = Workload::stable_diffusion_15(50);
//! let case = Case { params: &params, verdict: Verdict::Arithmetic, work, assumptions: Assumptions::default() };
//! for cheat in Cheat::all(&work) {
//!     let margin = case.cheat(&cheat).margin().expect("each cheat of this list saves something");
//!     assert!(margin >= Fixed::whole(2), "{} pays: {margin:.1}", cheat.name);
//! }
//! ```

mod auditor;
mod case;
mod cheat;
mod counts;
mod detection;
mod fixed;
mod honest;
mod jury;
mod leak;
mod network;
mod scenario;
mod work;

pub use auditor::Bribe;
pub use case::{Assumptions, Case, Electorate, Verdict};
pub use cheat::{Balance, Cheat};
pub use counts::Counts;
pub use detection::detection;
pub use fixed::Fixed;
pub use network::{Flood, demanded_state, flood, stuffed_blocks};
pub use scenario::{Demand, Role, Scenario, table_shares};
pub use work::{Fakes, Place, Workload};
