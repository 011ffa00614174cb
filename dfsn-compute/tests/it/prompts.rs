//! The syntax of prompts, their chunks, weights and textual inversions.

use dfsn_compute::Tokenizer;
use dfsn_compute::config::TokenizerConfig;
use dfsn_compute::prompt::{
    Chunk, MAX_CHUNKS, MAX_WEIGHT, Piece, TextualInversion, Triggers, apply_weights, chunks, parse,
};
use proptest::prelude::*;
use safetensors::Dtype;
use safetensors::tensor::TensorView;

use crate::golden::emoji_64;

fn tokenizer(pad: &str) -> Tokenizer {
    let dir = emoji_64().join("tokenizer");
    let config = TokenizerConfig { pad_token: pad.to_owned(), ..TokenizerConfig::load(&dir).unwrap() };
    Tokenizer::load(dir, &config, 2314).unwrap()
}

/// `text@weight` for each piece, `|` for BREAK.
fn written(prompt: &str) -> String {
    let piece = |piece: Piece| match piece {
        Piece::Text { text, weight } => format!("{text}@{weight}"),
        Piece::Break => "|".to_owned(),
    };
    parse(prompt).into_iter().map(piece).collect::<Vec<_>>().join(" ~ ")
}

/// By hand from the documentation of AUTOMATIC1111's syntax; the first six are its own examples.
#[test]
fn prompts_are_read_as_documented() {
    let cases = [
        ("normal text", "normal text@1"),
        ("an (important) word", "an @1 ~ important@1.1 ~  word@1"),
        ("(unbalanced", "unbalanced@1.1"),
        (r"\(literal\]", "(literal]@1"),
        ("(unnecessary)(parens)", "unnecessaryparens@1.1"),
        (
            "a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).",
            "a @1 ~ house@1.573 ~  @1.1 ~ on@1 ~  a @1.1 ~ hill@0.55 ~ , sun, @1.1 ~ sky@1.4641 ~ .@1.1",
        ),
        ("", "@1"),
        ("()", "@1"),
        ("[]([", "@1"),
        ("[a]", "a@0.90909094"),
        ("[[a]]", "a@0.8264463"),
        ("(a", "a@1.1"),
        ("[a", "a@0.90909094"),
        ("a) b] c", "a) b] c@1"),
        ("(a]b)", "a]b@1.1"),
        ("([a)b]", "a@1 ~ b@0.90909094"),
        ("(a:1.5)", "a@1.5"),
        ("(a: 1.5 )", "a@1.5"),
        ("(a:.5)", "a@0.5"),
        ("(a:2.)", "a@2"),
        ("(a:-1)", "a@-1"),
        ("(a:+0.25)", "a@0.25"),
        ("(a:0)", "a@0"),
        ("(a:1000)", "a@10"),
        ("(a:-1000)", "a@-10"),
        ("(((a:5):5):5)", "a@10"),
        ("(a:b:1.2)", "a:b@1.2"),
        ("(a:1.2.3)", "a:1.2.3@1.1"),
        ("(a:)", "a:@1.1"),
        ("(a:x)", "a:x@1.1"),
        ("(a:1e3)", "a:1e3@1.1"),
        ("a:1.2) b", "a:1.2) b@1"),
        ("[a:1.2]", "a:1.2@0.90909094"),
        ("[a:1.2)", "a:1.2)@0.90909094"),
        ("ratio 16:9", "ratio 16:9@1"),
        (r"\\(a)", r"\@1 ~ a@1.1"),
        (r"a\b \", "ab @1"),
        (r"(a\):1.3)", "a)@1.3"),
        ("a BREAK b", "a@1 ~ | ~ b@1"),
        ("a,BREAK,b", "a,@1 ~ | ~ ,b@1"),
        ("BREAK", "|"),
        ("a\n BREAK\tBREAK b", "a@1 ~ | ~ | ~ b@1"),
        ("BREAKFAST and OUTBREAK and _BREAK", "BREAKFAST and OUTBREAK and _BREAK@1"),
        ("break", "break@1"),
        ("(a BREAK b:1.2) c", "a@1.2 ~ | ~ b@1.2 ~  c@1"),
        ("🦊 (狐狸:1.2)", "🦊 @1 ~ 狐狸@1.2"),
    ];
    for (prompt, expected) in cases {
        assert_eq!(written(prompt), expected, "{prompt:?}");
    }
}

#[test]
fn deep_nesting_stays_finite() {
    for (open, weight) in [("(", MAX_WEIGHT as f32), ("[", 0.0)] {
        let prompt = format!("{}a", open.repeat(100_000));
        let pieces = parse(&prompt);
        let [Piece::Text { text, weight: found }] = pieces.as_slice() else { panic!("{pieces:?}") };
        assert_eq!(text, "a");
        assert!((found - weight).abs() < 1e-6, "{found}");
    }
}

/// Ids between begin and end.
fn inner(chunk: &Chunk, tokenizer: &Tokenizer) -> Vec<u32> {
    let end = chunk.ids.iter().position(|&id| id == tokenizer.eos()).unwrap();
    chunk.ids[1..end].to_vec()
}

fn lengths(prompt: &str) -> (Vec<usize>, usize) {
    let tokenizer = tokenizer("<|endoftext|>");
    let (chunks, cut) = chunks(&tokenizer, &Triggers::default(), prompt);
    (chunks.iter().map(|chunk| inner(chunk, &tokenizer).len()).collect(), cut)
}

#[test]
fn chunks_hold_75_tokens_and_break_at_a_near_comma() {
    assert_eq!(lengths(""), (vec![0], 0));
    assert_eq!(lengths(&"cat ".repeat(75)), (vec![75], 0));
    assert_eq!(lengths(&"cat ".repeat(76)), (vec![75, 1], 0));
    let cats = |count| "cat ".repeat(count);
    // 20 tokens from the comma to the end of the chunk are near, 21 are not.
    assert_eq!(lengths(&format!("{}, {}", cats(55), cats(20))), (vec![56, 20], 0));
    assert_eq!(lengths(&format!("{}, {}", cats(54), cats(21))), (vec![75, 1], 0));
    // A comma that comes first in a chunk stands there alone.
    assert_eq!(lengths(&format!("{}, cat", cats(75))), (vec![75, 2], 0));
    assert_eq!(lengths(&format!("{}, cat", cats(74))), (vec![75, 1], 0));
    assert_eq!(lengths("a cat BREAK a cat BREAK"), (vec![2, 2], 0));
    assert_eq!(lengths("BREAK cat"), (vec![0, 1], 0));
    assert_eq!(lengths(&"cat ".repeat(75 * MAX_CHUNKS + 7)), (vec![75; MAX_CHUNKS], 7));
    assert_eq!(lengths(&"cat BREAK ".repeat(MAX_CHUNKS + 3)), (vec![1; MAX_CHUNKS], 3));
}

#[test]
fn a_chunk_is_begin_tokens_end_padding_with_weights() {
    for pad in ["<|endoftext|>", "!"] {
        let tokenizer = tokenizer(pad);
        let (chunks, _) = chunks(&tokenizer, &Triggers::default(), "a (cat:1.5)");
        let [chunk] = chunks.as_slice() else { panic!("{chunks:?}") };
        assert_eq!(chunk.ids, tokenizer.encode("a cat").ids);
        let mut weights = vec![1.0; 77];
        weights[2] = 1.5;
        assert_eq!(chunk.weights, weights);
    }
}

#[test]
fn weights_keep_the_mean() {
    let plain = [1.0, 2.0, 3.0, 4.0, 5.0, 9.0];
    let mut same = plain;
    apply_weights(&mut same, &[1.0, 1.0, 1.0]);
    assert_eq!(same, plain);
    let mut weighted = plain;
    apply_weights(&mut weighted, &[1.0, 2.0, 0.5]);
    // (1, 2, 6, 8, 2.5, 4.5) times 24 / 24.
    assert_eq!(weighted, [1.0, 2.0, 6.0, 8.0, 2.5, 4.5]);
    let mut weighted = plain;
    apply_weights(&mut weighted, &[1.0, 1.0, 2.0]);
    let expected = [1.0, 2.0, 3.0, 4.0, 10.0, 18.0].map(|x: f32| x * (24.0_f32 / 38.0));
    for (found, expected) in weighted.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-6);
    }
    // Nothing leads back from a mean of zero.
    let mut nothing = [1.0, 1.0];
    apply_weights(&mut nothing, &[1.0, -1.0]);
    assert_eq!(nothing, [1.0, -1.0]);
}

/// A safetensors file with tensors of f32.
fn file(tensors: &[(&str, &[usize], &[f32])]) -> Vec<u8> {
    let bytes: Vec<Vec<u8>> =
        tensors.iter().map(|(_, _, data)| data.iter().flat_map(|x| x.to_le_bytes()).collect()).collect();
    let views = tensors.iter().zip(&bytes).map(|((name, shape, _), bytes)| {
        (*name, TensorView::new(Dtype::F32, shape.to_vec(), bytes).unwrap())
    });
    safetensors::serialize(views, None).unwrap()
}

#[test]
fn textual_inversions_of_three_layouts_are_read() {
    let web_ui = file(&[("emb_params", &[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])]);
    let inversion = TextualInversion::from_bytes("my style", &web_ui).unwrap();
    assert_eq!((inversion.name(), inversion.num_vectors()), ("my style", 2));
    assert_eq!(inversion.vector(0, 1), Some([4.0, 5.0, 6.0].as_slice()));
    assert_eq!((inversion.vector(0, 2), inversion.vector(1, 0)), (None, None));
    inversion.check_widths(&[3]).unwrap();

    let diffusers = file(&[("<cat-toy>", &[3], &[1.0, 2.0, 3.0])]);
    let inversion = TextualInversion::from_bytes("learned_embeds", &diffusers).unwrap();
    assert_eq!((inversion.name(), inversion.num_vectors()), ("<cat-toy>", 1));

    let xl = file(&[("clip_g", &[1, 2], &[7.0, 8.0]), ("clip_l", &[1, 3], &[1.0, 2.0, 3.0])]);
    let inversion = TextualInversion::from_bytes("xl", &xl).unwrap();
    inversion.check_widths(&[3, 2]).unwrap();
    assert_eq!(inversion.vector(1, 0), Some([7.0, 8.0].as_slice()));
    assert_eq!(
        inversion.check_widths(&[3]).unwrap_err().to_string(),
        "textual inversion \"xl\" has vectors of widths [3, 2], the model's text encoders have [3]"
    );
}

#[test]
fn files_that_are_none_are_refused_in_one_line() {
    let nan = file(&[("emb_params", &[1, 1], &[f32::NAN])]);
    let many = file(&[("emb_params", &[76, 1], &[0.0; 76])]);
    let cube = file(&[("emb_params", &[1, 1, 1], &[0.0])]);
    let two = file(&[("a", &[1], &[0.0]), ("b", &[1], &[0.0])]);
    let uneven = file(&[("clip_g", &[2, 1], &[0.0; 2]), ("clip_l", &[1], &[0.0])]);
    let narrow = file(&[("emb_params", &[1, 0], &[])]);
    let cases: [(&str, &[u8], &str); 10] = [
        ("x", b"", "is no safetensors file"),
        ("x", b"\xff\xff\xff\xff\xff\xff\xff\xff{}", "is no safetensors file"),
        ("x", &nan, "holds numbers that are not finite"),
        ("x", &many, "\"emb_params\" is F32 [76, 1], must be [width] or [1 to 75, width]"),
        ("x", &cube, "[1, 1, 1]"),
        ("x", &narrow, "[1, 0]"),
        ("x", &uneven, "has [1, 2] vectors for the text encoders"),
        ("x", &two, "has tensors [\"a\", \"b\"]"),
        ("", &nan, "must have 1 to 64 bytes, this one has 0"),
        ("x", &[0; (1 << 20) + 1], "is over 1048576 bytes"),
    ];
    for (name, bytes, expected) in cases {
        let error = TextualInversion::from_bytes(name, bytes).unwrap_err().to_string();
        assert!(error.contains(expected) && error.lines().count() == 1, "{error}");
    }
}

#[test]
fn words_of_textual_inversions_stand_for_their_vectors() {
    let tokenizer = tokenizer("<|endoftext|>");
    let inversion = |name: &str, count: usize| {
        TextualInversion::from_bytes(name, &file(&[("emb_params", &[count, 1], &vec![0.0; count])])).unwrap()
    };
    let triggers = Triggers::new(&tokenizer, &[inversion("fox", 2), inversion("fox style", 3)]);
    let places = |prompt: &str| {
        let (chunks, _) = chunks(&tokenizer, &triggers, prompt);
        let place = |chunk: &Chunk| {
            chunk.replaced.iter().map(|r| (r.position, r.inversion, r.vector)).collect::<Vec<_>>()
        };
        chunks.iter().map(place).collect::<Vec<_>>()
    };
    assert_eq!(places("a Fox"), [[(2, 0, 0), (2 + 1, 0, 1)]]);
    // The longer name wins.
    assert_eq!(places("FOX  style"), [[(1, 1, 0), (2, 1, 1), (3, 1, 2)]]);
    assert_eq!(places("a cat"), [[]]);
    // Vectors stay together.
    assert_eq!(places(&format!("{}fox", "cat ".repeat(74))), [vec![], vec![(1, 0, 0), (2, 0, 1)]]);
    assert_eq!(places(&format!("{}fox", "cat ".repeat(73))), [[(74, 0, 0), (75, 0, 1)]]);
    let (chunks, _) = chunks(&tokenizer, &triggers, "(fox:1.3) cat");
    assert_eq!(chunks[0].weights[..5], [1.0, 1.3, 1.3, 1.0, 1.0]);
    assert_eq!(chunks[0].ids[1..3], [0, 0]);
}

proptest! {
    /// Any text, and text made of syntax.
    #[test]
    fn every_text_has_a_meaning(prompt in prop_oneof![
        any::<String>(),
        "[a-c ,:.()\\[\\]\\\\0-9+-]{0,200}",
        "(fox|cat|,| |BREAK|\\(|\\)|\\[|\\]|:1\\.[0-9]\\)|狐){0,300}",
    ]) {
        let pieces = parse(&prompt);
        prop_assert!(!pieces.is_empty());
        let tokenizer = tokenizer("<|endoftext|>");
        let mut tokens = 0;
        for piece in pieces {
            if let Piece::Text { text, weight } = piece {
                prop_assert!(f64::from(weight.abs()) <= MAX_WEIGHT);
                tokens += tokenizer.tokenize(&text).len();
            }
        }
        // Every token is in a chunk or was cut.
        let (chunks, cut) = chunks(&tokenizer, &Triggers::default(), &prompt);
        prop_assert!((1..=MAX_CHUNKS).contains(&chunks.len()));
        prop_assert!(chunks.len() == MAX_CHUNKS || cut == 0);
        prop_assert!(chunks.iter().all(|chunk| chunk.ids.len() == 77 && chunk.weights.len() == 77));
        // The text may hold end tokens of its own.
        if !prompt.contains("<|") {
            let placed: usize = chunks.iter().map(|chunk| inner(chunk, &tokenizer).len()).sum();
            prop_assert_eq!(placed + cut, tokens);
        }
    }
}
