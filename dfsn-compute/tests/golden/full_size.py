"""Makes Stable Diffusion 1.5 with seeded random weights in a folder, and what diffusers computes with it.

    venv/bin/python full_size.py FOLDER

FOLDER (2.2 GB, weights in float16) is what tests/it/full_size.rs loads; `expected.safetensors` in it is what it
compares with: the text encoder, one call of the UNet at 256 x 256 pixels, and the autoencoder's decoder, in float32.
"""

import os
import shutil
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
EMOJI = Path(__file__).resolve().parents[3] / "models" / "emoji-64"

import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer


def pipeline():
    torch.manual_seed(15)
    # The published configuration; what is not named is diffusers' default, which is the same.
    unet = UNet2DConditionModel(sample_size=64, cross_attention_dim=768)
    vae = AutoencoderKL(
        block_out_channels=(128, 256, 512, 512), layers_per_block=2, sample_size=512,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
    )
    text = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=49408, hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12,
            projection_dim=768,
        )
    )
    scheduler = DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1, clip_sample=False,
        set_alpha_to_one=False,
    )
    tokenizer = CLIPTokenizer.from_pretrained(EMOJI / "tokenizer")
    return StableDiffusionPipeline(vae, text, tokenizer, unet, scheduler, None, None, requires_safety_checker=False)


@torch.no_grad()
def main(folder):
    # A folder with this name is complete: it is made beside it and renamed.
    work = folder.with_name(folder.name + ".part")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    pipe = pipeline()
    for part in (pipe.unet, pipe.vae, pipe.text_encoder):
        part.half()
    pipe.save_pretrained(work)
    for part in (pipe.unet, pipe.vae, pipe.text_encoder):
        part.float().eval()
    generator = torch.Generator("cpu").manual_seed(3)
    ids = torch.randint(0, 2312, (1, 77), generator=generator)
    sample = torch.randn(1, 4, 32, 32, generator=generator)
    text = pipe.text_encoder(ids)[0]
    tensors = {
        "ids": ids[0].to(torch.int32), "text": text[0], "sample": sample,
        "unet": pipe.unet(sample, torch.tensor(501.0), encoder_hidden_states=text)[0],
        "decoded": pipe.vae.decode(sample / pipe.vae.config.scaling_factor)[0],
    }
    save_file({key: tensor.contiguous() for key, tensor in tensors.items()}, work / "expected.safetensors")
    shutil.rmtree(folder, ignore_errors=True)
    work.rename(folder)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
