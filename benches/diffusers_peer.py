"""diffusers as one side of benches/compare.py, which starts and drives it.

Arguments: model folder, file of inputs to write, rows to compute for it, denoising steps of a picture, its sides,
threads, device, dtype, and `channels-last` or `contiguous`. Every line `ROW REPEATS` on standard input is answered by
a line of JSON with the seconds that each repeat took.
"""

import json
import os
import sys
import time

os.environ["HF_HUB_OFFLINE"] = "1"

import diffusers
import torch
from diffusers import StableDiffusionPipeline
from safetensors.torch import save_file
from torch.utils.flop_counter import FlopCounterMode

diffusers.utils.logging.set_verbosity_error()
PICTURE = {"prompt": "a fox on a blue background", "negative_prompt": "blurry", "guidance_scale": 4.0}
TIMESTEP = 501
# Sides of the square matrices whose product tells what the machine can do.
GEMM = 2048
DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}


class Peer:
    def __init__(self, folder, steps, size, device, dtype, layout):
        self.device, self.dtype = device, DTYPES[dtype]
        self.pipe = StableDiffusionPipeline.from_pretrained(folder, torch_dtype=self.dtype, safety_checker=None)
        self.pipe.set_progress_bar_config(disable=True)
        self.pipe.to(device)
        if layout == "channels-last":
            self.pipe.unet.to(memory_format=torch.channels_last)
            self.pipe.vae.to(memory_format=torch.channels_last)
        self.steps, self.size = steps, size
        side = size // self.pipe.vae_scale_factor
        self.sample = self.random(1, self.pipe.unet.config.in_channels, side, side)
        self.ids, negative_ids = self.tokens(PICTURE["prompt"]), self.tokens(PICTURE["negative_prompt"])
        self.negative_ids = negative_ids
        self.text = self.pipe.text_encoder(torch.cat([negative_ids, self.ids]))[0]
        self.matrices = self.random(GEMM, GEMM), self.random(GEMM, GEMM)

    def random(self, *shape):
        return torch.randn(shape, generator=torch.Generator().manual_seed(1)).to(self.device, self.dtype)

    def tokens(self, prompt):
        return self.pipe.tokenizer(
            prompt, padding="max_length", truncation=True, return_tensors="pt"
        ).input_ids.to(self.device)

    def text_encode(self):
        return self.pipe.text_encoder(self.ids)[0]

    def unet_step(self):
        return self.pipe.unet(torch.cat([self.sample] * 2), TIMESTEP, encoder_hidden_states=self.text)[0]

    def vae_decode(self):
        return self.pipe.vae.decode(self.sample / self.pipe.vae.config.scaling_factor)[0]

    def generate(self):
        image = self.pipe(
            **PICTURE, latents=self.sample, num_inference_steps=self.steps, height=self.size, width=self.size
        ).images[0]
        return torch.tensor(list(image.tobytes()))

    def gemm(self):
        return torch.mm(*self.matrices)

    def run(self, row, repeats):
        seconds = []
        for _ in range(repeats):
            start = time.perf_counter()
            result = getattr(self, row)()
            # Waits for the device, as a caller who wants the numbers does.
            result = result.float().cpu()
            seconds.append(time.perf_counter() - start)
        return seconds, result

    def flops(self):
        """Of each row, counted from the shapes of its products and convolutions."""
        counts = {}
        for row in ("text_encode", "unet_step", "vae_decode"):
            with FlopCounterMode(display=False) as counter:
                getattr(self, row)()
            counts[row] = counter.get_total_flops()
        pictures = 2 * counts["text_encode"] + self.steps * counts["unet_step"] + counts["vae_decode"]
        return {**counts, "generate": pictures, "gemm": 2 * GEMM**3}

    def inputs(self, rows):
        tensors = {
            "ids": self.ids[0].int(), "negative_ids": self.negative_ids[0].int(), "text": self.text.float(),
            "sample": self.sample.float(), "timestep": torch.tensor([float(TIMESTEP)]),
        }
        for row in rows:
            tensors[row] = self.run(row, 1)[1]
        return {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}


def answer(**values):
    print(json.dumps(values), flush=True)


@torch.no_grad()
def main(folder, inputs, rows, steps, size, threads, device, dtype, layout):
    torch.set_num_threads(int(threads))
    peer = Peer(folder, int(steps), int(size), device, dtype, layout)
    save_file(peer.inputs(rows.split(",")), inputs, metadata={"picture": json.dumps(PICTURE)})
    answer(library=f"diffusers {diffusers.__version__}, torch {torch.__version__}", flops=peer.flops())
    for line in sys.stdin:
        row, repeats = line.split()
        answer(row=row, seconds=peer.run(row, int(repeats))[0])


if __name__ == "__main__":
    main(*sys.argv[1:])
