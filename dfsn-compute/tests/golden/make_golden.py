"""Writes the golden files of this folder: what diffusers computes on models/emoji-64, in float32 on the CPU.

    python -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python make_golden.py

The Rust tests read the files; they need no Python. Run again only to renew the files on purpose.
"""

import json
import os
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
HERE = Path(__file__).resolve().parent
MODEL = HERE.parents[2] / "models" / "emoji-64"

import numpy as np
import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    EulerDiscreteScheduler,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

SCHEDULERS = {"ddim": DDIMScheduler, "euler": EulerDiscreteScheduler}

TEXTS = [
    "",
    " ",
    "a red fox on a blue background",
    "A Fox\ton\n a   GREEN background!!",
    "it's the fox's; we'll, I'd, they've, you're don't 'tis ''s",
    "rocket 123 4,567.89 x2y3",
    "caf\u00e9 cafe\u0301 na\u00efve \u00c5ngstr\u00f6m STRA\u1e9eE \u03a3\u0391\u03a3",
    "\u72d0\u72f8 \u043b\u0438\u0441\u0430 \U0001f98a\U0001f680\u200d\u2764\ufe0f",
    "fox<|endoftext|>cat <|startoftext|> <|ENDOFTEXT|>!! a<|EndOfText|>",
    "\u00a0non\u00a0breaking\u2003em\u3000ideographic \u0000nul \u001funit",
    "\u2167 \u00bd \u0663 \u00b2 \u0345 \u0301x _under_score_ --dash-- ...",
    "(fox:1.2) [cat], {dog} \"quoted\" `tick` ~^@#$%&*+=|\\/<>?",
    "supercalifragilisticexpialidocious" * 4,
    "fox " * 75,
    "fox " * 76,
    "pizza, rocket, " * 60,
    "\ud7a3\u1112\u1161\u11ab \ufb01 \u2126 \u0130stanbul \u01c5",
]

LOOPS = [
    {"prompt": "a fox on a blue background", "negative_prompt": "", "seed": 7},
    {"prompt": "rocket on a yellow background", "negative_prompt": "blurry, pizza", "seed": 4294967295},
    {"prompt": "pizza", "negative_prompt": "", "seed": 123456},
]


def tokenizer_golden():
    cases = []
    for pad in ["<|endoftext|>", "!"]:
        tokenizer = CLIPTokenizer.from_pretrained(MODEL / "tokenizer", pad_token=pad)
        for text in TEXTS:
            ids = tokenizer(text, padding="max_length", max_length=77, truncation=True).input_ids
            full = len(tokenizer(text).input_ids)
            cases.append({"pad": pad, "text": text, "ids": ids, "cut": max(0, full - 77)})
    (HERE / "tokenizer.json").write_text(json.dumps(cases) + "\n")


def noise_golden():
    tensors = {}
    for seed, count in [(0, 1), (0, 5), (7, 15), (7, 16), (123, 17), (1, 40), (4294967295, 64), (42, 1024)]:
        generator = torch.Generator("cpu").manual_seed(seed)
        tensors[f"{seed}_{count}"] = torch.randn(count, generator=generator)
    save_file(tensors, HERE / "noise.safetensors")


def pipeline():
    pipe = StableDiffusionPipeline.from_pretrained(
        MODEL, torch_dtype=torch.float32, safety_checker=None, requires_safety_checker=False
    )
    for part in (pipe.text_encoder, pipe.unet, pipe.vae):
        part.float().eval()
    pipe.set_progress_bar_config(disable=True)
    return pipe


def model_golden(pipe):
    tensors = {}
    for index, text in enumerate(["a fox on a blue background", "", "pizza, rocket, " * 60]):
        ids = pipe.tokenizer(
            text, padding="max_length", max_length=77, truncation=True, return_tensors="pt"
        ).input_ids
        tensors[f"ids.{index}"] = ids[0].to(torch.int32)
        tensors[f"text.{index}"] = pipe.text_encoder(ids)[0][0].contiguous()
    generator = torch.Generator("cpu").manual_seed(3)
    tensors["sample"] = torch.randn(2, 4, 16, 16, generator=generator)
    embeddings = torch.stack([tensors["text.1"], tensors["text.0"]])
    for t in [999.0, 526.3157, 1.0]:
        tensors[f"unet.{t}"] = pipe.unet(tensors["sample"], torch.tensor(t), encoder_hidden_states=embeddings)[0]
    # 18x10 latents are not a multiple of the UNet's factor 4: the skips' sizes must be forwarded.
    tensors["sample.odd"] = torch.randn(1, 4, 18, 10, generator=generator)
    tensors["unet.odd"] = pipe.unet(
        tensors["sample.odd"], torch.tensor(250.0), encoder_hidden_states=embeddings[1:]
    )[0]
    tensors["vae.latents"] = torch.randn(1, 4, 16, 16, generator=generator)
    tensors["vae.decoded"] = pipe.vae.decode(tensors["vae.latents"] / pipe.vae.config.scaling_factor)[0]
    tensors["vae.moments"] = pipe.vae._encode(tensors["vae.decoded"])
    save_file({k: v.contiguous() for k, v in tensors.items()}, HERE / "model.safetensors")


def loop_golden(pipe):
    runs = []
    for kind in SCHEDULERS:
        for loop in LOOPS:
            runs.append(dict(loop, scheduler=kind, steps=20, guidance=4.0, height=64, width=64))
    runs.append(dict(LOOPS[0], scheduler="ddim", steps=5, guidance=7.5, height=72, width=40))
    runs.append(dict(LOOPS[1], scheduler="euler", steps=3, guidance=1.0, height=64, width=64))
    tensors = {}
    saved = pipe.scheduler.config
    for index, run in enumerate(runs):
        pipe.scheduler = SCHEDULERS[run["scheduler"]].from_config(saved)
        latents = pipe(
            run["prompt"], negative_prompt=run["negative_prompt"], num_inference_steps=run["steps"],
            guidance_scale=run["guidance"], height=run["height"], width=run["width"],
            generator=torch.Generator("cpu").manual_seed(run["seed"]), output_type="latent",
        ).images
        decoded = pipe.vae.decode(latents / pipe.vae.config.scaling_factor, return_dict=False)[0]
        picture = pipe.image_processor.postprocess(decoded, output_type="np")[0]
        tensors[f"{index}.latents"] = latents[0].contiguous()
        tensors[f"{index}.rgb"] = torch.from_numpy((picture * 255).round().astype(np.uint8)).contiguous()
    (HERE / "loops.json").write_text(json.dumps(runs, indent=1) + "\n")
    save_file(tensors, HERE / "loops.safetensors")


def tiny_pipeline():
    """Random weights in another shape than emoji-64, more like Stable Diffusion 2: linear projections, heads by
    block, exact GELU, two layers, v-prediction, `!` as padding."""
    torch.manual_seed(11)
    unet = UNet2DConditionModel(
        sample_size=8, block_out_channels=(8, 16), layers_per_block=2, cross_attention_dim=8, norm_num_groups=4,
        attention_head_dim=(2, 4), use_linear_projection=True, transformer_layers_per_block=(1, 2),
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
    )
    vae = AutoencoderKL(
        block_out_channels=(8, 16), layers_per_block=2, norm_num_groups=4, sample_size=16,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
    )
    text_encoder = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=2314, hidden_size=8, intermediate_size=20, num_hidden_layers=2, num_attention_heads=2,
            hidden_act="gelu", bos_token_id=2312, eos_token_id=2313, pad_token_id=0,
        )
    )
    scheduler = DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1, clip_sample=False,
        set_alpha_to_one=False, prediction_type="v_prediction",
    )
    tokenizer = CLIPTokenizer.from_pretrained(MODEL / "tokenizer", pad_token="!")
    return StableDiffusionPipeline(
        vae, text_encoder, tokenizer, unet, scheduler, None, None, requires_safety_checker=False
    )


def rename(path, change):
    """Rewrites a weights file with other names or shapes of the same numbers."""
    save_file(dict(change(name, tensor) for name, tensor in load_file(path).items()), path)


def old_vae_names(name, tensor):
    """As in the files published with Stable Diffusion 1."""
    if ".attentions." in name:
        for new, old in [("to_q", "query"), ("to_k", "key"), ("to_v", "value"), ("to_out.0", "proj_attn")]:
            if f".{new}." in name and name.endswith("weight"):
                tensor = tensor[:, :, None, None]
            name = name.replace(f".{new}.", f".{old}.")
    return name, tensor


def drop_key(path, key):
    config = json.loads(path.read_text())
    del config[key]
    path.write_text(json.dumps(config, indent=2) + "\n")
    return config


def tiny_golden():
    folder = HERE / "tiny"
    pipe = tiny_pipeline()
    pipe.unet.to(torch.bfloat16).save_pretrained(folder / "unet")
    pipe.vae.to(torch.float16).save_pretrained(folder / "vae")
    pipe.text_encoder.to(torch.float16).save_pretrained(folder / "text_encoder")
    pipe.scheduler.save_pretrained(folder / "scheduler")
    pipe.save_config(folder)
    # What a file leaves out must come from the defaults of the class that runs.
    config = drop_key(folder / "scheduler" / "scheduler_config.json", "timestep_spacing")
    drop_key(folder / "vae" / "config.json", "scaling_factor")
    rename(folder / "vae" / "diffusion_pytorch_model.safetensors", old_vae_names)
    rename(folder / "text_encoder" / "model.safetensors", lambda name, tensor: (f"text_model.{name}", tensor))

    for part in (pipe.unet, pipe.vae, pipe.text_encoder):
        part.float().eval()
    pipe.set_progress_bar_config(disable=True)
    tensors = {}
    for kind, cls in SCHEDULERS.items():
        pipe.scheduler = cls.from_config(dict(config))
        arguments = {"num_inference_steps": 4, "guidance_scale": 3.0, "height": 24, "width": 16}
        latents = pipe(
            "a fox!", negative_prompt="pizza", generator=torch.Generator("cpu").manual_seed(1),
            output_type="latent", **arguments,
        ).images
        tensors[f"{kind}.latents"] = latents[0].contiguous()
        tensors[f"{kind}.decoded"] = pipe.vae.decode(latents / pipe.vae.config.scaling_factor)[0][0].contiguous()
    save_file(tensors, HERE / "tiny.safetensors")


@torch.no_grad()
def main():
    torch.set_num_threads(2)
    tokenizer_golden()
    noise_golden()
    pipe = pipeline()
    model_golden(pipe)
    loop_golden(pipe)
    tiny_golden()


if __name__ == "__main__":
    main()
