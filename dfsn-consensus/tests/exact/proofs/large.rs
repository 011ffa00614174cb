//! Proofs in Stable Diffusion 1.5 at 512x512 and in a decoder at 1024x1024, and their sizes.

use std::collections::BTreeSet;

use dfsn_consensus::exact::{Finding, Program, decoder, text_encoder, unet};

use super::single::{contradiction, largest};
use crate::shapes::{sd15_text_encoder, sd15_unet, vae};

/// Bytes that one proof may take.
const PROOF_BYTES: usize = 200_000;

/// Proves the last number of each output of an op wrong, and then, put right, right; the most bytes of a proof.
fn prove(program: &Program, op: usize) -> usize {
    let operation = &program.ops()[op];
    let mut bytes = 0;
    for (output, id) in operation.outputs.iter().enumerate() {
        let (cheat, proof) = contradiction(program, op, output);
        let found = cheat.check(&proof).unwrap_or_else(|error| panic!("{:?}: {error}", operation.kind));
        let Finding::Contradiction { claimed: _, computed: Some(value) } = found else {
            panic!("{:?}: {found:?}", operation.kind)
        };
        let element = program.tensor(*id).unwrap().len() - 1;
        let honest = cheat.with_value(*id, element, value);
        let found = honest.check(&honest.prove(op, output, element));
        assert_eq!(found, Ok(Finding::Follows), "{:?}", operation.kind);
        bytes = bytes.max(borsh::to_vec(&proof).unwrap().len());
    }
    bytes
}

#[test]
fn every_kind_of_op_of_stable_diffusion_has_a_small_proof() {
    let vae = vae(&[128, 256, 512, 512], 2, 32);
    let programs = [
        ("text encoder", text_encoder(&sd15_text_encoder(), "text_encoder", 77, 0).unwrap()),
        ("UNet at 512x512", unet(&sd15_unet(), 64, 64, 77).unwrap()),
        ("decoder at 512x512", decoder(&vae, 64, 64).unwrap()),
        ("decoder at 1024x1024", decoder(&vae, 128, 128).unwrap()),
    ];
    let mut kinds = BTreeSet::new();
    for (name, program) in &programs {
        println!("{name}: {} ops, {} tensors", program.ops().len(), program.tensors().len());
        for (kind, op) in largest(program) {
            let bytes = prove(program, op);
            println!("  {kind:<16} {bytes:>7} bytes");
            assert!(bytes <= PROOF_BYTES, "{kind} takes {bytes} bytes");
            kinds.insert(kind);
        }
    }
    println!("kinds: {kinds:?}");
}
