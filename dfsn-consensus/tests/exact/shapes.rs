//! Small networks with every kind of layer, and the published ones.

use dfsn_consensus::exact::Activation;
use dfsn_consensus::exact::config::{BlockShape, TextEncoderShape, UNetShape, VaeShape};
use dfsn_consensus::exact::scheduler::{BetaSchedule, FinalSigmas, PredictionType, SchedulerShape};

pub(crate) fn tiny_unet() -> UNetShape {
    let block = |channels, attention, heads| BlockShape {
        channels,
        resnets: 1,
        down_attention: attention,
        up_attention: attention,
        transformer_layers: 1,
        heads,
    };
    UNetShape {
        in_channels: 4,
        out_channels: 4,
        blocks: vec![block(8, true, 2), block(12, false, 3)],
        cross_attention_dim: 6,
        norm_num_groups: 4,
        norm_eps: 1e-5_f64.to_bits(),
        time_embedding_dim: 16,
        flip_sin_to_cos: true,
        freq_shift: 0.0_f64.to_bits(),
        add_embedding: Some((5, 4)),
    }
}

pub(crate) fn sd15_unet() -> UNetShape {
    let block = |channels, attention| BlockShape {
        channels,
        resnets: 2,
        down_attention: attention,
        up_attention: attention,
        transformer_layers: 1,
        heads: 8,
    };
    UNetShape {
        in_channels: 4,
        out_channels: 4,
        blocks: vec![block(320, true), block(640, true), block(1280, true), block(1280, false)],
        cross_attention_dim: 768,
        norm_num_groups: 32,
        norm_eps: 1e-5_f64.to_bits(),
        time_embedding_dim: 1280,
        flip_sin_to_cos: true,
        freq_shift: 0.0_f64.to_bits(),
        add_embedding: None,
    }
}

pub(crate) fn vae(channels: &[usize], layers: usize, groups: usize) -> VaeShape {
    VaeShape {
        image_channels: 3,
        latent_channels: 4,
        channels: channels.to_vec(),
        layers,
        norm_num_groups: groups,
        use_quant_conv: true,
        scaling_factor: 0.18215_f32.to_bits(),
    }
}

pub(crate) fn tiny_text_encoder() -> TextEncoderShape {
    TextEncoderShape {
        vocab_size: 11,
        positions: 7,
        width: 8,
        intermediate: 16,
        layers: 2,
        heads: 2,
        activation: Activation::QuickGelu,
        eps: 1e-5_f64.to_bits(),
        penultimate: false,
        projection: Some(5),
    }
}

pub(crate) fn sd15_text_encoder() -> TextEncoderShape {
    TextEncoderShape {
        vocab_size: 49_408,
        positions: 77,
        width: 768,
        intermediate: 3_072,
        layers: 12,
        heads: 12,
        activation: Activation::QuickGelu,
        eps: 1e-5_f64.to_bits(),
        penultimate: false,
        projection: None,
    }
}

/// Stable Diffusion's.
pub(crate) fn scheduler() -> SchedulerShape {
    SchedulerShape {
        num_train_timesteps: 1_000,
        beta_start: Some(0.000_85_f64.to_bits()),
        beta_end: Some(0.012_f64.to_bits()),
        beta_schedule: Some(BetaSchedule::ScaledLinear),
        rescale_betas_zero_snr: false,
        prediction_type: PredictionType::Epsilon,
        timestep_spacing: None,
        steps_offset: 1,
        clip_sample: Some(false),
        clip_sample_range: 1.0_f32.to_bits(),
        set_alpha_to_one: Some(false),
        skip_prk_steps: true,
        final_sigmas_type: FinalSigmas::Zero,
        use_karras_sigmas: false,
        use_lu_lambdas: false,
        solver_order: 2,
        solver_type: None,
        lower_order_final: true,
        euler_at_final: false,
        original_inference_steps: 50,
        timestep_scaling: 10.0_f64.to_bits(),
        unsupported: 0,
    }
}
