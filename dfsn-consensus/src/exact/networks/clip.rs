//! CLIP's text encoder.

use super::super::config::TextEncoderShape;
use super::super::op::OpKind;
use super::super::program::{Builder, Program, ProgramError, check_epsilon};
use super::super::tensor::{Element, TensorId, WeightForm};

/// From token ids i32 `[tokens]` to what the UNet is given, f32 `[tokens][width]`, leaving `clip_skip` layers out at the
/// end; with a projection, also the projected last layer of every token, f32 `[tokens][projection]`, of which the end
/// of the text is the pooled one. `part` is the encoder's folder (`text_encoder`).
///
/// # Errors
/// [`ProgramError`] for sizes that have no exact form.
pub fn text_encoder(
    shape: &TextEncoderShape,
    part: &'static str,
    tokens: usize,
    clip_skip: usize,
) -> Result<Program, ProgramError> {
    let mut builder = Builder::new(part);
    let b = &mut builder;
    let width = shape.width;
    let ids = b.input(Element::I32, &[tokens])?;
    let table = |rows| WeightForm::Plain { rows, width };
    let embed = OpKind::Embed {
        tokens: b.weight("text_model.embeddings.token_embedding.weight", table(shape.vocab_size))?,
        positions: b.weight("text_model.embeddings.position_embedding.weight", table(shape.positions))?,
    };
    let mut x = b.push(embed, &[ids], Element::F32, &[tokens, width])?;
    let left_out = clip_skip.saturating_add(usize::from(shape.penultimate));
    let Some(wanted) = shape.layers.checked_sub(left_out) else {
        return Err(ProgramError::Unsupported { key: "clip_skip", value: clip_skip.to_string() });
    };
    let needed = if shape.projection.is_some() { shape.layers } else { wanted };
    let mut taken = x;
    for index in 0..needed {
        x = layer(b, shape, &format!("text_model.encoder.layers.{index}"), x)?;
        if index.saturating_add(1) == wanted {
            taken = x;
        }
    }
    check_epsilon(shape.eps)?;
    let norm = b.affine("text_model.final_layer_norm", width)?;
    let kind = OpKind::LayerNorm(norm, shape.eps);
    let mut outputs =
        vec![if shape.penultimate { taken } else { b.push(kind, &[taken], Element::F32, &[tokens, width])? }];
    if let Some(projection) = shape.projection {
        let rows = b.layer_norm_rows("text_model.final_layer_norm", x, shape.eps)?;
        outputs.push(b.linear("text_projection", rows, projection, false, None)?);
    }
    builder.finish(outputs)
}

fn layer(
    b: &mut Builder,
    shape: &TextEncoderShape,
    name: &str,
    x: TensorId,
) -> Result<TensorId, ProgramError> {
    let (rows, width) = b.rows_and_width(x);
    let normal = b.layer_norm_rows(&format!("{name}.layer_norm1"), x, shape.eps)?;
    let mut project = |part: &str| b.linear(&format!("{name}.self_attn.{part}"), normal, width, true, None);
    let parts = [project("q_proj")?, project("k_proj")?, project("v_proj")?];
    let mixed = b.attention(parts, shape.heads, true)?;
    let mixed = b.quant_row(mixed)?;
    let x = b.linear(&format!("{name}.self_attn.out_proj"), mixed, width, true, Some(x))?;
    let normal = b.layer_norm_rows(&format!("{name}.layer_norm2"), x, shape.eps)?;
    let inner = b.linear(&format!("{name}.mlp.fc1"), normal, shape.intermediate, true, None)?;
    let kind = OpKind::ActivateQuant(shape.activation);
    let inner = b.quantise_rows(kind, &[inner], &[rows, shape.intermediate])?;
    b.linear(&format!("{name}.mlp.fc2"), inner, width, true, Some(x))
}
