//! Programs are small, bounded, the same every time, and compute the same on both kinds of floats.

use dfsn_consensus::exact::soft::SoftSingle;
use dfsn_consensus::exact::{
    Element, InterpretError, OpKind, Program, ProgramError, TensorData, decoder, encoder, interpret,
    text_encoder, unet,
};

use crate::random::{RandomWeights, inputs};
use crate::shapes::{sd15_unet, tiny_text_encoder, tiny_unet, vae};

/// Every tensor's root, on hardware floats and on soft ones, and a hash of them all.
fn both(program: &Program, inputs: &[TensorData]) -> String {
    let weights = RandomWeights(program);
    let mut roots = Vec::new();
    interpret::<f32>(program, &weights, inputs.to_vec(), |id, data| {
        roots.push((id, data.root(program.tensor(id).unwrap())));
    })
    .unwrap();
    let mut hasher = blake3::Hasher::new();
    for (_, root) in &roots {
        hasher.update(root);
    }
    let mut hardware = roots.into_iter();
    interpret::<SoftSingle>(program, &weights, inputs.to_vec(), |id, data| {
        let root = data.root(program.tensor(id).unwrap());
        assert_eq!(
            hardware.next(),
            Some((id, root)),
            "tensor {id:?} differs between hardware and soft floats"
        );
    })
    .unwrap();
    hasher.finalize().to_hex().as_str()[..16].to_owned()
}

#[test]
fn a_unet_is_the_same_on_hardware_and_soft_floats() {
    let program = unet(&tiny_unet(), 5, 4, 3).unwrap();
    assert_eq!(both(&program, &inputs(&program)), "41d3bf9e51acfa14");
}

#[test]
fn an_autoencoder_is_the_same_on_hardware_and_soft_floats() {
    let shape = vae(&[4, 8], 1, 2);
    let programs = [decoder(&shape, 3, 2).unwrap(), encoder(&shape, 6, 4).unwrap()];
    assert_eq!(
        programs.map(|program| both(&program, &inputs(&program))),
        ["1c7685e1695a84c6", "7718e6811c3668c5"]
    );
}

#[test]
fn a_text_encoder_is_the_same_on_hardware_and_soft_floats() {
    let program = text_encoder(&tiny_text_encoder(), "text_encoder", 5, 0).unwrap();
    assert_eq!(both(&program, &[TensorData::I32(vec![10, 3, 0, 7, 10])]), "3c4042734ef8e3a3");
}

#[test]
fn programs_are_pinned() {
    let short = |program: Program| hex_start(program.hash());
    let sd15 = unet(&sd15_unet(), 64, 64, 77).unwrap();
    println!(
        "a UNet call of SD 1.5 at 512x512: {} ops, {} parameters",
        sd15.ops().len(),
        sd15.weights().len()
    );
    let decoder = decoder(&vae(&[128, 256, 512, 512], 2, 32), 64, 64).unwrap();
    let tiny = unet(&tiny_unet(), 5, 4, 3).unwrap();
    assert_eq!(
        [sd15, decoder, tiny].map(short),
        ["5aa05d15f164577c", "033011e4c53cb2bd", "79f7e82e8180e759"]
    );
}

fn hex_start(hash: [u8; 32]) -> String {
    hash[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn every_op_reads_what_earlier_ops_wrote() {
    for program in [
        unet(&sd15_unet(), 64, 64, 77).unwrap(),
        decoder(&vae(&[128, 256, 512, 512], 2, 32), 64, 64).unwrap(),
        encoder(&vae(&[128, 256, 512, 512], 2, 32), 512, 512).unwrap(),
    ] {
        let mut written = vec![false; program.tensors().len()];
        program.inputs().iter().for_each(|id| written[id.index()] = true);
        for op in program.ops() {
            assert!(op.inputs.iter().all(|id| written[id.index()]), "{op:?}");
            for id in &op.outputs {
                assert!(!std::mem::replace(&mut written[id.index()], true), "{op:?} writes a tensor again");
            }
        }
        assert!(written.iter().all(|written| *written));
    }
}

#[test]
fn sizes_without_an_exact_form_are_refused() {
    assert!(matches!(unet(&tiny_unet(), 0, 4, 3), Err(ProgramError::Size(_))));
    assert!(matches!(unet(&tiny_unet(), 1 << 20, 1 << 20, 3), Err(ProgramError::Size(_))));
    let mut shape = tiny_unet();
    shape.norm_num_groups = 3;
    assert!(matches!(unet(&shape, 4, 4, 3), Err(ProgramError::Indivisible { whole: 8, part: 3, .. })));
    shape = tiny_unet();
    shape.blocks[0].heads = 0;
    assert!(matches!(unet(&shape, 4, 4, 3), Err(ProgramError::Indivisible { part: 0, .. })));
    shape = tiny_unet();
    shape.norm_eps = 0.0_f64.to_bits();
    assert!(matches!(unet(&shape, 4, 4, 3), Err(ProgramError::Unsupported { key: "epsilon", .. })));
    let odd = encoder(&vae(&[4, 8], 1, 2), 7, 4);
    assert!(matches!(odd, Err(ProgramError::Indivisible { whole: 7, part: 2, .. })));
    let huge = vae(&[128, 256, 512, 512], 2, 32);
    assert!(decoder(&huge, 128, 128).is_ok());
    assert!(matches!(decoder(&huge, 256, 256), Err(ProgramError::FanIn { .. })));
    let skipped = text_encoder(&tiny_text_encoder(), "text_encoder", 5, 3);
    assert!(matches!(skipped, Err(ProgramError::Unsupported { key: "clip_skip", .. })));
}

#[test]
fn what_is_not_finite_is_a_result_that_names_its_place() {
    let program = unet(&tiny_unet(), 5, 4, 3).unwrap();
    for bits in [f32::NAN.to_bits(), (-f32::NAN).to_bits(), f32::INFINITY.to_bits()] {
        let mut inputs = inputs(&program);
        let TensorData::F32(sample) = &mut inputs[0] else { panic!("latents are floats") };
        sample[7] = bits;
        let found = |result: Result<_, InterpretError>| match result {
            Err(InterpretError::Element { op, index, .. }) => (program.ops()[op].kind.clone(), index),
            other => panic!("{other:?}"),
        };
        let weights = RandomWeights(&program);
        let hardware = found(interpret::<f32>(&program, &weights, inputs.clone(), |_, _| {}));
        let soft = found(interpret::<SoftSingle>(&program, &weights, inputs, |_, _| {}));
        assert_eq!(hardware, (OpKind::ImageMax, 0));
        assert_eq!(soft, hardware);
    }
}

#[test]
fn inputs_of_another_type_or_size_are_refused() {
    let program = text_encoder(&tiny_text_encoder(), "text_encoder", 5, 0).unwrap();
    assert_eq!(program.tensor(program.inputs()[0]).unwrap().element, Element::I32);
    let weights = RandomWeights(&program);
    for inputs in [vec![], vec![TensorData::I32(vec![1; 4])], vec![TensorData::F32(vec![0; 5])]] {
        let refused = interpret::<f32>(&program, &weights, inputs, |_, _| {});
        assert_eq!(refused, Err(InterpretError::Input { position: 0 }));
    }
    // A token that the table does not have.
    let unknown = interpret::<f32>(&program, &weights, vec![TensorData::I32(vec![-1; 5])], |_, _| {});
    assert!(matches!(unknown, Err(InterpretError::Element { op: 0, index: 0, .. })));
}
