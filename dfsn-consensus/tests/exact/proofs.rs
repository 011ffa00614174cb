//! Proofs of one number: what follows from the worker's numbers, and what does not.

mod committed;
mod large;
mod single;

use dfsn_consensus::exact::{
    Finding, Op, OpKind, Program, ProofError, TensorData, decoder, text_encoder, unet,
};
use dfsn_types::{BoundedVec, ElementProof, Hash, Slice, TensorOpening};

use crate::random::inputs;
use crate::shapes::{tiny_text_encoder, tiny_unet, vae};
use committed::Committed;

fn programs() -> Vec<(Program, Vec<TensorData>)> {
    let text = text_encoder(&tiny_text_encoder(), "text_encoder", 5, 0).unwrap();
    let unet = unet(&tiny_unet(), 5, 4, 3).unwrap();
    let decoder = decoder(&vae(&[4, 8], 1, 2), 3, 2).unwrap();
    let ids = TensorData::I32(vec![10, 3, 0, 7, 10]);
    let (of_unet, of_decoder) = (inputs(&unet), inputs(&decoder));
    vec![(text, vec![ids]), (unet, of_unet), (decoder, of_decoder)]
}

/// The element of an output that the tests look at: another one for each op.
fn pick(op: usize, output: usize, len: usize) -> usize {
    (op.wrapping_mul(2_654_435_761).wrapping_add(output) >> 3) % len
}

#[test]
fn every_number_of_an_honest_worker_follows() {
    for (program, inputs) in programs() {
        let committed = Committed::compute(&program, inputs);
        let mut largest = 0;
        for (op, operation) in program.ops().iter().enumerate() {
            for (output, id) in operation.outputs.iter().enumerate() {
                let element = pick(op, output, program.tensor(*id).unwrap().len());
                let proof = committed.prove(op, output, element);
                assert_eq!(committed.check(&proof), Ok(Finding::Follows), "{:?}", operation.kind);
                largest = largest.max(borsh::to_vec(&proof).unwrap().len());
            }
        }
        println!("{} ops, the largest proof takes {largest} bytes", program.ops().len());
    }
}

#[test]
fn a_flipped_bit_of_any_tensor_is_a_contradiction() {
    for (program, inputs) in programs() {
        let honest = Committed::compute(&program, inputs);
        for (op, operation) in program.ops().iter().enumerate() {
            for (output, id) in operation.outputs.iter().enumerate() {
                let element = pick(op, output, program.tensor(*id).unwrap().len());
                let cheat = honest.with_flipped_bit(*id, element, op % 16);
                let proof = cheat.prove(op, output, element);
                let found = cheat.check(&proof);
                assert!(
                    matches!(found, Ok(Finding::Contradiction { .. })),
                    "{:?}: {found:?}",
                    operation.kind
                );
                // The same proof says nothing about an honest worker.
                assert!(honest.check(&proof).is_err());
            }
        }
    }
}

#[test]
fn a_result_where_there_is_none_is_a_contradiction() {
    let (program, mut inputs) = programs().remove(1);
    let honest = Committed::compute(&program, inputs.clone());
    let TensorData::F32(sample) = &mut inputs[0] else { panic!("latents are floats") };
    sample[7] = f32::INFINITY.to_bits();
    // The worker goes on as if the sample were finite.
    let cheat = honest.with_tensor(program.inputs()[0], inputs[0].clone());
    let op = program.ops().iter().position(|op| op.inputs.contains(&program.inputs()[0])).unwrap();
    let chain = program.ops()[op].outputs[0];
    let keys = cheat.recomputed(op, 0);
    let cheat = cheat.with_tensor(chain, keys);
    let next = |id| program.ops().iter().position(|op| op.inputs.contains(&id)).unwrap();
    let min_max = next(chain);
    let keys = cheat.recomputed(min_max, 0);
    let cheat = cheat.with_tensor(program.ops()[min_max].outputs[0], keys);
    let image_max = next(program.ops()[min_max].outputs[0]);
    let proof = cheat.prove(image_max, 0, 0);
    let found = cheat.check(&proof).unwrap();
    assert!(matches!(found, Finding::Contradiction { computed: None, claimed: None }), "{found:?}");
}

fn changed(slice: &Slice, at: usize) -> Slice {
    let mut bytes = slice.bytes.to_vec();
    let at = at % bytes.len();
    bytes[at] ^= 0x10;
    Slice { bytes: BoundedVec::new(bytes).unwrap(), ..slice.clone() }
}

#[test]
fn nothing_can_be_changed_in_a_proof() {
    let (program, inputs) = programs().remove(1);
    let committed = Committed::compute(&program, inputs);
    let with_residual = |op: &Op| matches!(op.kind, OpKind::Conv { residual: true, .. });
    let conv = program.ops().iter().position(with_residual).expect("a convolution with a residual");
    let proof = committed.prove(conv, 0, 5);
    assert_eq!(committed.check(&proof), Ok(Finding::Follows));
    for at in [0, 100, 1_000] {
        let roots = ElementProof { roots: changed(&proof.roots, at), ..proof.clone() };
        assert!(matches!(committed.check(&roots), Err(ProofError::Roots(_))));
        let weights = proof.weights.as_ref().map(|slice| changed(slice, at));
        let weights = ElementProof { weights, ..proof.clone() };
        assert!(matches!(committed.check(&weights), Err(ProofError::Weights(_))));
        for index in 0..proof.tensors.len() {
            let with = |edit: &dyn Fn(&mut TensorOpening)| {
                let mut tensors = proof.tensors.to_vec();
                edit(&mut tensors[index]);
                committed.check(&ElementProof { tensors: BoundedVec::new(tensors).unwrap(), ..proof.clone() })
            };
            let slice = with(&|opening| opening.slice = changed(&opening.slice, at));
            assert!(matches!(slice, Err(ProofError::Slice { .. })), "{slice:?}");
            let hash = with(&|opening| opening.hash = Hash::from_bytes([7; 32]));
            assert!(matches!(hash, Err(ProofError::Root { .. })), "{hash:?}");
            let other = with(&|opening| opening.tensor = u32::MAX);
            assert!(matches!(other, Err(ProofError::Tensor { .. })), "{other:?}");
        }
    }
    for index in 0..proof.tensors.len() {
        let mut tensors = proof.tensors.to_vec();
        tensors.remove(index);
        let fewer = ElementProof { tensors: BoundedVec::new(tensors).unwrap(), ..proof.clone() };
        assert!(matches!(committed.check(&fewer), Err(ProofError::Evaluate(_))));
    }
    let twice = proof.tensors.iter().chain(&proof.tensors[..1]).cloned().collect();
    let twice = ElementProof { tensors: BoundedVec::new(twice).unwrap(), ..proof.clone() };
    assert!(matches!(committed.check(&twice), Err(ProofError::Tensor { .. })));
    let unweighted = ElementProof { weights: None, ..proof.clone() };
    assert!(matches!(committed.check(&unweighted), Err(ProofError::Evaluate(_))));
    for wrong in [
        ElementProof { op: u32::MAX, ..proof.clone() },
        ElementProof { output: 9, ..proof.clone() },
        ElementProof { element: u64::MAX, ..proof },
    ] {
        assert!(committed.check(&wrong).is_err());
    }
}
