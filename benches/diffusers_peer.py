"""The same work on diffusers, for the ratios in docs/performance.md.

    pip install -r dfsn-compute/tests/golden/requirements.txt
    DFSN_BENCH_THREADS=1 python benches/diffusers_peer.py

Prints the median of each call in milliseconds, named as in benches/benches/compute.rs.
"""

import os
import pathlib
import statistics
import time

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from diffusers import StableDiffusionPipeline

THREADS = int(os.environ.get("DFSN_BENCH_THREADS", "1"))
MODEL = pathlib.Path(__file__).resolve().parent.parent / "models" / "emoji-64"


def median_ms(call, rounds):
    call()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


@torch.no_grad()
def main():
    torch.set_num_threads(THREADS)
    pipe = StableDiffusionPipeline.from_pretrained(MODEL, torch_dtype=torch.float32, safety_checker=None)
    pipe.set_progress_bar_config(disable=True)
    prompt = "a fox on a blue background"
    ids = pipe.tokenizer(prompt, padding="max_length", truncation=True, return_tensors="pt").input_ids
    text = pipe.text_encoder(ids)[0]
    both = torch.cat([text, text])
    latents = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(0))

    def generate():
        generator = torch.Generator().manual_seed(0)
        pipe(prompt, num_inference_steps=20, guidance_scale=4.0, generator=generator)

    print(f"torch {torch.__version__}, {THREADS} thread(s)")
    print(f"compute::text_encode {median_ms(lambda: pipe.text_encoder(ids), 100):8.2f} ms")
    step = lambda: pipe.unet(torch.cat([latents] * 2), 951, encoder_hidden_states=both)
    print(f"compute::unet_step   {median_ms(step, 60):8.2f} ms")
    print(f"compute::vae_decode  {median_ms(lambda: pipe.vae.decode(latents), 60):8.2f} ms")
    print(f"compute::generate    {median_ms(generate, 8):8.2f} ms")


if __name__ == "__main__":
    main()
