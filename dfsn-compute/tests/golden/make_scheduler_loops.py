"""Writes models/schedulers.safetensors: whole loops of the tiny Stable Diffusion 1 with every scheduler, float32.

    python -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python make_scheduler_loops.py

From noise, from a picture, and with a mask. DDIM and Euler are in make_models.py. The Rust tests read the file; they
need no Python.
"""

import functools
import struct

from blake3 import blake3
from diffusers import (
    DDPMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    LCMScheduler,
    PNDMScheduler,
    StableDiffusionImg2ImgPipeline,
    StableDiffusionInpaintPipeline,
    UniPCMultistepScheduler,
)
from make_models import HEIGHT, NEGATIVE, OUT, PROMPT, WIDTH, Image, parts, picture, sd15, seeded, store, torch

KARRAS = {"use_karras_sigmas": True}
KINDS = {
    "pndm": (PNDMScheduler, {}),
    "euler_ancestral": (EulerAncestralDiscreteScheduler, {}),
    "dpmpp_2m": (DPMSolverMultistepScheduler, {}),
    "unipc": (UniPCMultistepScheduler, {}),
    "lcm": (LCMScheduler, {}),
    "ddpm": (DDPMScheduler, {}),
    "euler_karras": (EulerDiscreteScheduler, KARRAS),
    "dpmpp_2m_karras": (DPMSolverMultistepScheduler, KARRAS),
    "unipc_karras": (UniPCMultistepScheduler, KARRAS),
}
SEED = 1


def step_seed(step):
    """What the noise of a step is drawn with (rule GEN-08)."""
    digest = blake3(struct.pack("<II", SEED, step), derive_key_context="dfsn/step-noise/1").digest()
    return int.from_bytes(digest[:4], "little")


def reseeded(scheduler, generator):
    """The scheduler, which draws every step's noise from a generator of its own."""
    plain, count = scheduler.step, 0

    @functools.wraps(plain)
    def step(*arguments, **named):
        nonlocal count
        count += 1
        generator.manual_seed(step_seed(count))
        return plain(*arguments, **named)

    scheduler.step = step
    return scheduler


def run(pipe, kind, config, **arguments):
    cls, changes = KINDS[kind]
    generator = seeded(SEED)
    pipe.scheduler = reseeded(cls.from_config({**config, "skip_prk_steps": True, **changes}), generator)
    pipe.set_progress_bar_config(disable=True)
    return pipe(
        PROMPT, negative_prompt=NEGATIVE, num_inference_steps=5, guidance_scale=3.0, generator=generator,
        output_type="latent", **arguments,
    ).images[0]


@torch.no_grad()
def main():
    pipe, tensors = sd15(), {}
    config = dict(pipe.scheduler.config)
    image, mask = picture(37, 41, 1), Image.open(OUT / "mask.png")
    small = image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    sizes = {"height": HEIGHT, "width": WIDTH}
    img2img, inpaint = parts(pipe, StableDiffusionImg2ImgPipeline), parts(pipe, StableDiffusionInpaintPipeline)
    for kind in KINDS:
        tensors[kind] = run(pipe, kind, config, **sizes)
        tensors[f"{kind}.img2img"] = run(img2img, kind, config, image=small, strength=0.6)
        tensors[f"{kind}.inpaint"] = run(
            inpaint, kind, config, image=image, mask_image=mask, strength=0.6, **sizes
        )
    store("schedulers", tensors)


if __name__ == "__main__":
    main()
