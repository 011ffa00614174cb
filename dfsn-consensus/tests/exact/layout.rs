//! The canonical file of weights: every parameter has one place, which follows from the model's shapes alone.

use dfsn_consensus::exact::config::TextEncoderShape;
use dfsn_consensus::exact::{
    LayoutError, Program, WEIGHTS_HEADER, WeightForm, WeightLayout, decoder, encoder, text_encoder, unet,
};
use proptest::prelude::*;

use crate::shapes::{sd15_unet, tiny_text_encoder, tiny_unet, vae};

fn tiny() -> WeightLayout {
    let vae = vae(&[4, 8], 1, 2);
    WeightLayout::of_model(&[tiny_text_encoder()], &tiny_unet(), &vae, &vae).unwrap()
}

fn sd15() -> WeightLayout {
    let text = TextEncoderShape {
        vocab_size: 49_408,
        positions: 77,
        width: 768,
        intermediate: 3_072,
        layers: 12,
        heads: 12,
        projection: None,
        ..tiny_text_encoder()
    };
    let vae = vae(&[128, 256, 512, 512], 2, 32);
    WeightLayout::of_model(&[text], &sd15_unet(), &vae, &vae).unwrap()
}

#[test]
fn parts_are_in_order_aligned_disjoint_and_in_bounds() {
    for layout in [tiny(), sd15()] {
        let mut end = WEIGHTS_HEADER;
        for entry in layout.entries() {
            let scales = matches!(entry.spec().form, WeightForm::Quantised { .. }).then(|| entry.scales());
            for part in [entry.values()].into_iter().chain(scales) {
                assert!(part.start >= end && part.start < end + 64 && part.start % 64 == 0, "{entry:?}");
                assert!(part.end > part.start, "{entry:?}");
                end = part.end;
            }
        }
        assert_eq!(end, layout.length());
        assert!(layout.entries().is_sorted_by(|a, b| a.spec().name < b.spec().name));
    }
}

#[test]
fn the_layout_does_not_depend_on_sizes() {
    let shape = vae(&[4, 8], 1, 2);
    let programs = |height, width, tokens| -> Vec<Program> {
        vec![
            encoder(&shape, 2 * height, 2 * width).unwrap(),
            unet(&tiny_unet(), height, width, tokens).unwrap(),
            decoder(&shape, height, width).unwrap(),
            text_encoder(&tiny_text_encoder(), "text_encoder", tokens, 0).unwrap(),
        ]
    };
    let expected = tiny();
    for (height, width, tokens) in [(1, 1, 1), (5, 4, 3), (16, 32, 7)] {
        assert_eq!(WeightLayout::new(&programs(height, width, tokens)), Ok(expected.clone()));
    }
}

#[test]
fn a_layout_is_pinned() {
    let layout = sd15();
    println!("SD 1.5: {} parameters in {} bytes", layout.entries().len(), layout.length());
    let short = |layout: &WeightLayout| blake3::Hash::from(layout.hash()).to_hex()[..16].to_owned();
    assert_eq!([&layout, &tiny()].map(short), ["da763e21bed34d93", "aee2d2acab2fa8b6"]);
    let header = layout.header();
    assert_eq!((&header[..22], &header[32..]), (&b"dfsn exact-v1 weights\0"[..], &layout.hash()[..]));
}

#[test]
fn one_parameter_in_two_forms_is_refused() {
    let wide = TextEncoderShape { vocab_size: 12, ..tiny_text_encoder() };
    let of = |shape| text_encoder(shape, "text_encoder", 1, 0).unwrap();
    let conflict = WeightLayout::new(&[of(&tiny_text_encoder()), of(&wide)]);
    let name = "text_encoder.text_model.embeddings.token_embedding.weight".to_owned();
    assert_eq!(conflict, Err(LayoutError::Conflict(name)));
    let three = [tiny_text_encoder(); 3];
    let vae = vae(&[4, 8], 1, 2);
    let refused = WeightLayout::of_model(&three, &tiny_unet(), &vae, &vae);
    assert_eq!(refused, Err(LayoutError::TextEncoders(3)));
}

proptest! {
    #[test]
    fn rows_scales_and_numbers_lie_within_their_parts(entry: prop::sample::Index, row: usize, a: usize, b: usize) {
        let layout = tiny();
        let entry = entry.get(layout.entries());
        prop_assert_eq!(layout.find(&entry.spec().name), Some(entry));
        let (rows, width) = (entry.spec().form.rows(), entry.spec().form.width());
        prop_assert_eq!((entry.row(rows + row % 9), entry.scale(rows + row % 9)), (None, None));
        prop_assert_eq!(entry.numbers(0, 0..width + 1), None);
        let row = row % rows;
        let whole = entry.row(row).unwrap();
        let size = (whole.end - whole.start) / width as u64;
        prop_assert_eq!(whole.start, entry.values().start + (row * width) as u64 * size);
        prop_assert!(whole.end <= entry.values().end);
        let (first, last) = ((a % width).min(b % width), (a % width).max(b % width) + 1);
        let some = entry.numbers(row, first..last).unwrap();
        prop_assert_eq!(some, whole.start + first as u64 * size..whole.start + last as u64 * size);
        match entry.spec().form {
            WeightForm::Quantised { .. } => {
                let start = entry.scales().start + 4 * row as u64;
                prop_assert_eq!((size, entry.scale(row)), (2, Some(start..start + 4)));
            }
            WeightForm::Plain { .. } => prop_assert_eq!((size, entry.scale(row)), (4, None)),
        }
    }
}

#[test]
fn unknown_names_have_no_place() {
    assert_eq!(tiny().find("unet.conv_in.weights"), None);
}
