//! Each guide is the documentation of a module, so that its code is tested as an example of documentation.
// Tags of `cargo xtask guides`.
#![allow(rustdoc::invalid_codeblock_attributes)]

#[doc = include_str!(concat!(env!("DFSN_GUIDES"), "/another-backend.md"))]
pub mod another_backend {}

#[doc = include_str!(concat!(env!("DFSN_GUIDES"), "/embed-the-verifier.md"))]
pub mod embed_the_verifier {}

#[doc = include_str!(concat!(env!("DFSN_GUIDES"), "/write-a-bot.md"))]
pub mod write_a_bot {}
