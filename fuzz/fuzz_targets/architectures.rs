//! Architectures of models: strangers register them, and every node builds programs from them.
#![no_main]

use dfsn_consensus::exact::{Architecture, Computation, ContestedState};
use dfsn_types::{Boundary, GenerationParams, ImageSize, ModelId, ProfileId, SchedulerKind};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // Sides of the latents, a scheduler, a boundary.
    let Some(([height, width, kind, t], bytes)) = data.split_first_chunk::<4>() else { return };
    let Ok(architecture) = Architecture::from_bytes(bytes) else { return };
    assert_eq!(architecture.to_bytes(), bytes, "one encoding each");
    let _ = architecture.layout();
    let (height, width) = (1 + height % 16, 1 + width % 16);
    if let Ok(computation) = Computation::decode(&architecture, usize::from(height), usize::from(width)) {
        let last = computation.last().expect("a decoder has an output");
        assert!(computation.tensor(last).is_some());
    }
    let size = ImageSize::new(8 * u16::from(height), 8 * u16::from(width)).expect("multiples of 8");
    let all = SchedulerKind::ALL;
    let (model, profile) = (ModelId::from_bytes([1; 32]), ProfileId::from_bytes([2; 32]));
    let params = GenerationParams::builder(model, profile, "a fox", size)
        .num_inference_steps(4)
        .scheduler(all[usize::from(*kind) % all.len()])
        .build()
        .expect("within the bounds");
    let boundary = Boundary { image: 0, t: u16::from(t % 6) };
    let state =
        ContestedState { architecture: &architecture, params: &params, vae_scale_factor: 8, boundary };
    for given in 0..=4 {
        if let Ok(computation) = state.computation(given) {
            assert!(state.takes(given));
            assert!(computation.last().is_some_and(|last| computation.tensor(last).is_some()));
        }
    }
});
