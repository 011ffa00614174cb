"""Writes models/: tiny random models of every family, and what diffusers computes on them, in float32 on the CPU.

    python -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python make_models.py

The Rust tests read the files; they need no Python. Run again only to renew the files on purpose. The weights are
stored in float16 and rounded to it before anything is computed.
"""

import io
import json
import os
import shutil
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
HERE = Path(__file__).resolve().parent
EMOJI = HERE.parents[2] / "models" / "emoji-64"
OUT = HERE / "models"

import numpy as np
import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    EulerDiscreteScheduler,
    StableDiffusionImg2ImgPipeline,
    StableDiffusionInpaintPipeline,
    StableDiffusionPipeline,
    StableDiffusionXLImg2ImgPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

SCHEDULERS = {"ddim": DDIMScheduler, "euler": EulerDiscreteScheduler}
SCHEDULE = {
    "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1,
    "clip_sample": False, "set_alpha_to_one": False, "timestep_spacing": "leading",
}
PROMPT = "a fox on a blue background!"
NEGATIVE = "pizza, rocket"
HEIGHT, WIDTH = 24, 16


def text_config(**changes):
    config = {
        "vocab_size": 2314, "hidden_size": 8, "intermediate_size": 20, "num_hidden_layers": 3,
        "num_attention_heads": 2, "hidden_act": "quick_gelu", "bos_token_id": 2312, "eos_token_id": 2313,
        "pad_token_id": 2313, "projection_dim": 8,
    }
    return CLIPTextConfig(**{**config, **changes})


def autoencoder(**changes):
    config = {
        "block_out_channels": (8, 16), "layers_per_block": 1, "norm_num_groups": 4, "sample_size": 16,
        "down_block_types": ("DownEncoderBlock2D",) * 2, "up_block_types": ("UpDecoderBlock2D",) * 2,
    }
    return AutoencoderKL(**{**config, **changes})


def unet(**changes):
    config = {
        "sample_size": 8, "block_out_channels": (8, 16), "layers_per_block": 1, "cross_attention_dim": 8,
        "norm_num_groups": 4, "attention_head_dim": 8,
        "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
        "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
    }
    return UNet2DConditionModel(**{**config, **changes})


def rounded(*modules):
    """Random biases and norms instead of zeros and ones, in the precision that is stored."""
    for module in modules:
        for name, parameter in module.named_parameters():
            if parameter.dim() == 1:
                parameter.data += 0.1 * torch.randn_like(parameter)
            elif "embedding" in name:
                parameter.data = torch.randn_like(parameter) * 0.5
        module.half().float().eval()


def tokenizer(pad):
    return CLIPTokenizer.from_pretrained(EMOJI / "tokenizer", pad_token=pad)


def sd15():
    torch.manual_seed(15)
    parts = unet(), autoencoder(), CLIPTextModel(text_config())
    rounded(*parts)
    return StableDiffusionPipeline(
        parts[1], parts[2], tokenizer("<|endoftext|>"), parts[0], DDIMScheduler(**SCHEDULE), None, None,
        requires_safety_checker=False,
    )


def sd21():
    torch.manual_seed(21)
    text = CLIPTextModel(text_config(hidden_act="gelu", pad_token_id=0))
    parts = unet(attention_head_dim=(2, 4), use_linear_projection=True, upcast_attention=True), autoencoder(), text
    rounded(*parts)
    scheduler = DDIMScheduler(prediction_type="v_prediction", **SCHEDULE)
    return StableDiffusionPipeline(
        parts[1], text, tokenizer("!"), parts[0], scheduler, None, None, requires_safety_checker=False
    )


def sdxl():
    torch.manual_seed(10)
    first = CLIPTextModel(text_config())
    # An eos_token_id of 2, as in the published file, means the greatest id.
    second = CLIPTextModelWithProjection(
        text_config(hidden_size=12, hidden_act="gelu", num_hidden_layers=4, projection_dim=16, eos_token_id=2)
    )
    network = unet(
        block_out_channels=(8, 8, 16), transformer_layers_per_block=(1, 1, 2), attention_head_dim=(2, 2, 4),
        use_linear_projection=True, cross_attention_dim=20, addition_embed_type="text_time",
        addition_time_embed_dim=8, projection_class_embeddings_input_dim=16 + 6 * 8,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    )
    vae = autoencoder(scaling_factor=0.13025, force_upcast=True)
    rounded(network, vae, first, second)
    return StableDiffusionXLPipeline(
        vae, first, second, tokenizer("<|endoftext|>"), tokenizer("!"), network,
        EulerDiscreteScheduler(**{key: SCHEDULE[key] for key in list(SCHEDULE)[:4]}, timestep_spacing="leading"),
        add_watermarker=False,
    )


def rename(path, change):
    save_file({change(name): tensor for name, tensor in load_file(path).items()}, path)


def save(pipe, name, prefix, shard):
    """A folder, without the tokenizer that all share."""
    folder = OUT / name
    shutil.rmtree(folder, ignore_errors=True)
    pipe.save_config(folder)
    for part in ("unet", "vae", "text_encoder", "text_encoder_2"):
        module = getattr(pipe, part, None)
        if module is None:
            continue
        size = {"max_shard_size": shard} if part == "unet" and shard else {}
        module.half().save_pretrained(folder / part, **size)
        module.float()
        if part.startswith("text") and prefix:
            bare = folder / part / "model.safetensors"
            if not any(key.startswith("text_model.") for key in load_file(bare)):
                rename(bare, lambda key: f"text_model.{key}")
    pipe.scheduler.save_pretrained(folder / "scheduler")


def seeded(seed):
    return torch.Generator("cpu").manual_seed(seed)


def networks(pipe, tensors):
    """One call of each network."""
    encoders = [(pipe.tokenizer, pipe.text_encoder)]
    if hasattr(pipe, "text_encoder_2"):
        encoders.append((pipe.tokenizer_2, pipe.text_encoder_2))
    for index, (tokens, encoder) in enumerate(encoders):
        ids = tokens(PROMPT, padding="max_length", max_length=77, truncation=True, return_tensors="pt").input_ids
        out = encoder(ids, output_hidden_states=True)
        tensors[f"ids.{index}"] = ids[0].to(torch.int32)
        tensors[f"last.{index}"] = out.last_hidden_state[0]
        tensors[f"penultimate.{index}"] = out.hidden_states[-2][0]
        # As clip_skip 1: one layer earlier, then the last norm.
        norm = encoder.final_layer_norm if hasattr(encoder, "final_layer_norm") else encoder.text_model.final_layer_norm
        tensors[f"skipped.{index}"] = norm(out.hidden_states[-2])[0]
        if index == 1:
            tensors["pooled"] = out.text_embeds[0]
    generator = seeded(3)
    config = pipe.unet.config
    tensors["sample"] = torch.randn(1, config.in_channels, 12, 8, generator=generator)
    tensors["text"] = torch.randn(1, 77, config.cross_attention_dim, generator=generator)
    added = {}
    if config.addition_embed_type:
        tensors["text_embeds"] = torch.randn(1, 16, generator=generator)
        tensors["time_ids"] = torch.tensor([[24.0, 16.0, 3.0, 5.0, 48.0, 32.0]])
        added = {"added_cond_kwargs": {key: tensors[key] for key in ("text_embeds", "time_ids")}}
    for t in (981.0, 13.0):
        tensors[f"unet.{t}"] = pipe.unet(
            tensors["sample"], torch.tensor(t), encoder_hidden_states=tensors["text"], **added
        )[0]
    tensors["latents"] = torch.randn(1, 4, 12, 8, generator=generator)
    tensors["decoded"] = pipe.vae.decode(tensors["latents"] / pipe.vae.config.scaling_factor)[0]
    tensors["pixels"] = torch.rand(1, 3, 24, 16, generator=generator) * 2 - 1
    distribution = pipe.vae.encode(tensors["pixels"]).latent_dist
    tensors["mean"], tensors["std"] = distribution.mean, distribution.std


def run(pipe, kind, config, **arguments):
    pipe.scheduler = SCHEDULERS[kind].from_config(dict(config))
    pipe.set_progress_bar_config(disable=True)
    sizes = {} if "Img2Img" in type(pipe).__name__ else {"height": HEIGHT, "width": WIDTH}
    return pipe(
        PROMPT, num_inference_steps=5, guidance_scale=3.0, generator=seeded(1), output_type="latent",
        **sizes, **arguments,
    ).images[0]


def loops(pipe, tensors):
    config = pipe.scheduler.config
    for kind in SCHEDULERS:
        tensors[f"{kind}.latents"] = run(pipe, kind, config, negative_prompt=NEGATIVE)
    # No negative prompt: zeros in Stable Diffusion XL, the empty text elsewhere.
    tensors["unnegated.latents"] = run(pipe, "euler", config)
    decoded = pipe.vae.decode(tensors["euler.latents"][None] / pipe.vae.config.scaling_factor)[0]
    tensors["euler.decoded"] = decoded[0]


def picture(height, width, seed):
    """A smooth picture with some noise."""
    rows, columns = np.mgrid[0:height, 0:width]
    noise = np.random.default_rng(seed).integers(0, 40, (height, width, 3))
    waves = np.stack([rows * 5 % 200, columns * 6 % 210, (rows + columns) * 3 % 190], -1)
    return Image.fromarray((waves + noise).astype(np.uint8))


def images(tensors):
    """The initial picture and the mask, both of another size than the request, and as they are resized."""
    image = picture(37, 41, 1)
    mask = Image.new("L", (20, 30), 0)
    mask.paste(255, (6, 9, 17, 24))
    for name, file in (("init", image), ("mask", mask)):
        buffer = io.BytesIO()
        file.save(buffer, "PNG")
        (OUT / f"{name}.png").write_bytes(buffer.getvalue())
    for name, size in (("down", (16, 24)), ("up", (64, 56)), ("same", (41, 37)), ("mixed", (20, 72))):
        resized = image.resize(size, Image.Resampling.LANCZOS)
        tensors[f"resized.{name}"] = torch.from_numpy(np.array(resized).copy())
    return image, mask


def parts(pipe, kind, **changes):
    components = {**pipe.components, **changes}
    return kind(**components, requires_safety_checker=False)


def images_golden(pipe, tensors):
    """img2img and inpainting with Stable Diffusion 1."""
    image, mask = images(tensors)
    config = pipe.scheduler.config
    # Both resize with the same filter; img2img itself takes the picture as large as it is.
    small = image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    img2img = parts(pipe, StableDiffusionImg2ImgPipeline)
    for kind in SCHEDULERS:
        for strength in (0.6, 1.0):
            key = f"img2img.{kind}.{strength}"
            tensors[key] = run(img2img, kind, config, image=small, strength=strength, negative_prompt=NEGATIVE)
    inpaint = parts(pipe, StableDiffusionInpaintPipeline)
    torch.manual_seed(9)
    wide = UNet2DConditionModel.from_config(pipe.unet.config, in_channels=9)
    state = dict(pipe.unet.state_dict())
    state["conv_in.weight"] = (torch.randn(8, 9, 3, 3) * 0.1).half().float()
    wide.load_state_dict(state)
    wide.eval()
    tensors["conv_in.weight"] = state["conv_in.weight"]
    for channels, pipeline in ((4, inpaint), (9, parts(pipe, StableDiffusionInpaintPipeline, unet=wide))):
        for kind in SCHEDULERS:
            for strength in (0.6, 1.0):
                key = f"inpaint{channels}.{kind}.{strength}"
                tensors[key] = run(
                    pipeline, kind, config, image=image, mask_image=mask, strength=strength, negative_prompt=NEGATIVE
                )


def xl_images_golden(pipe, tensors):
    image = picture(37, 41, 1).resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    config = pipe.scheduler.config
    pipeline = StableDiffusionXLImg2ImgPipeline(**pipe.components, add_watermarker=False)
    tensors["img2img.euler.0.6"] = run(pipeline, "euler", config, image=image, strength=0.6, negative_prompt=NEGATIVE)


def tiles_golden(pipe, tensors):
    """The autoencoder by tiles, and everything without seams."""
    generator = seeded(4)
    tensors["tiled.latents"] = torch.randn(1, 4, 21, 30, generator=generator)
    tensors["tiled.pixels"] = torch.rand(1, 3, 44, 56, generator=generator) * 2 - 1
    pipe.vae.enable_tiling()
    tensors["tiled.decoded"] = pipe.vae.decode(tensors["tiled.latents"] / pipe.vae.config.scaling_factor)[0]
    tensors["tiled.mean"] = pipe.vae.encode(tensors["tiled.pixels"]).latent_dist.mean
    pipe.vae.disable_tiling()
    convolutions = [
        module for part in (pipe.unet, pipe.vae) for module in part.modules() if isinstance(module, torch.nn.Conv2d)
    ]
    for module in convolutions:
        module.padding_mode = "circular"
        module._reversed_padding_repeated_twice = [p for p in reversed(module.padding) for _ in range(2)]
    tensors["seamless.latents"] = run(pipe, "euler", pipe.scheduler.config, negative_prompt=NEGATIVE)
    decoded = pipe.vae.decode(tensors["seamless.latents"][None] / pipe.vae.config.scaling_factor)[0]
    tensors["seamless.decoded"] = decoded[0]
    for module in convolutions:
        module.padding_mode = "zeros"


def lora_golden(make, tensors):
    """Adapters in both spellings, each alone and both at once, as diffusers applies them."""
    generator = seeded(6)
    pipe = make()
    kohya, peft = {}, {}
    linear, conv = torch.nn.Linear, torch.nn.Conv2d

    def halves(module, rank):
        weight = module.weight
        down = torch.randn(rank, *weight.shape[1:], generator=generator) * 0.3
        kernel = (1, 1) if isinstance(module, conv) else ()
        up = torch.randn(weight.shape[0], rank, *kernel, generator=generator) * 0.3
        return down.half().float(), up.half().float()

    for name, module in pipe.unet.named_modules():
        if isinstance(module, (linear, conv)) and ("attentions" in name or "resnets" in name):
            if "attentions" in name or name.endswith("conv1"):
                down, up = halves(module, 2)
                key = f"lora_unet_{name.replace('.', '_')}"
                kohya |= {f"{key}.lora_down.weight": down, f"{key}.lora_up.weight": up, f"{key}.alpha": torch.tensor(1.0)}
        if isinstance(module, linear) and name.endswith(("to_q", "to_v", "ff.net.2")):
            down, up = halves(module, 3)
            peft |= {f"unet.{name}.lora_A.weight": down, f"unet.{name}.lora_B.weight": up}
    for name, module in pipe.text_encoder.named_modules():
        if isinstance(module, linear) and ("self_attn" in name or "mlp" in name):
            full = name if name.startswith("text_model.") else f"text_model.{name}"
            down, up = halves(module, 2)
            key = f"lora_te_{full.replace('.', '_')}"
            kohya |= {f"{key}.lora_down.weight": down, f"{key}.lora_up.weight": up, f"{key}.alpha": torch.tensor(1.0)}
    save_file(kohya, OUT / "kohya.safetensors")
    save_file(peft, OUT / "peft.safetensors")
    config = pipe.scheduler.config
    for name, weights in (("kohya", {"kohya": 0.8}), ("peft", {"peft": 1.0}), ("both", {"kohya": 0.7, "peft": -0.5})):
        pipe = make()
        for adapter in weights:
            state = {key: value.clone() for key, value in load_file(OUT / f"{adapter}.safetensors").items()}
            pipe.load_lora_weights(state, adapter_name=adapter)
        pipe.set_adapters(list(weights), list(weights.values()))
        tensors[f"lora.{name}"] = run(pipe, "ddim", config, negative_prompt=NEGATIVE)


def store(name, tensors):
    save_file({key: value.detach().contiguous() for key, value in tensors.items()}, OUT / f"{name}.safetensors")


@torch.no_grad()
def main():
    torch.set_num_threads(2)
    OUT.mkdir(exist_ok=True)
    from single_file import write_single_file

    for name, make, prefix, shard in (("sd15", sd15, False, None), ("sd21", sd21, True, "60KB"), ("sdxl", sdxl, True, None)):
        pipe, tensors = make(), {}
        networks(pipe, tensors)
        loops(pipe, tensors)
        if name == "sd15":
            images_golden(pipe, tensors)
            tiles_golden(make(), tensors)
            lora_golden(make, tensors)
        if name == "sdxl":
            xl_images_golden(pipe, tensors)
        save(make(), name, prefix, shard)
        write_single_file(make(), OUT / f"{name}-single.safetensors")
        store(name, tensors)


if __name__ == "__main__":
    main()
