//! The Solidity interface of the system address.

#![allow(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    clippy::all,
    reason = "made by a macro"
)]

alloy_sol_types::sol!("abi/IDfsn.sol");
