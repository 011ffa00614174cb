"""Writes prompts.json and prompts.safetensors: what weighted prompts of several chunks give on models/emoji-64, in
float32 on the CPU, with transformers and diffusers.

    python -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python make_prompts.py

Nothing here parses: each chunk is spelled out as texts with weights. Textual inversions are tokens added to the text
encoder, as diffusers does it. The Rust tests read the files; they need no Python.
"""

import json
import os
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
HERE = Path(__file__).resolve().parent
MODEL = HERE.parents[2] / "models" / "emoji-64"

import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline
from safetensors.torch import save_file

# The word `<glow>` stands for two vectors, tokens that the tokenizer does not have.
GLOW = "<glow>"
CASES = [
    {
        "prompt": "a (fox:1.4) on a [blue] background",
        "chunks": [[("a", 1.0), ("fox", 1.4), ("on a", 1.0), ("blue", 1 / 1.1), ("background", 1.0)]],
        "negative_prompt": "(pizza)",
        "negative_chunks": [[("pizza", 1.1)]],
        "clip_skip": 0,
    },
    {
        "prompt": "rocket BREAK ((a yellow background):0.7)",
        "chunks": [[("rocket", 1.0)], [("a yellow background", 0.7 * 1.1)]],
        "negative_prompt": "",
        "negative_chunks": [[]],
        "clip_skip": 1,
    },
    {
        "prompt": "a (<glow>:1.2) cat",
        "chunks": [[("a", 1.0), (GLOW, 1.2), ("cat", 1.0)]],
        "negative_prompt": "a BREAK (b:-0.5) BREAK c",
        "negative_chunks": [[("a", 1.0)], [("b", -0.5)], [("c", 1.0)]],
        "clip_skip": 0,
    },
]


def pipeline():
    pipe = StableDiffusionPipeline.from_pretrained(
        MODEL, torch_dtype=torch.float32, safety_checker=None, requires_safety_checker=False
    )
    for part in (pipe.text_encoder, pipe.unet, pipe.vae):
        part.float().eval()
    pipe.scheduler = DDIMScheduler.from_config(pipe.scheduler.config)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def add_glow(pipe, vectors):
    """Gives the text encoder two tokens more and says which ones they are."""
    encoder = pipe.text_encoder
    first = encoder.get_input_embeddings().weight.shape[0]
    encoder.resize_token_embeddings(first + len(vectors))
    encoder.get_input_embeddings().weight[first:] = vectors
    return list(range(first, first + len(vectors)))


def token_ids(pipe, text, glow):
    return glow if text == GLOW else pipe.tokenizer(text, add_special_tokens=False).input_ids


def encode(pipe, chunks, clip_skip, glow):
    tokenizer, encoder = pipe.tokenizer, pipe.text_encoder
    rows = []
    for chunk in chunks:
        ids, weights = [tokenizer.bos_token_id], [1.0]
        for text, weight in chunk:
            tokens = token_ids(pipe, text, glow)
            ids += tokens
            weights += [weight] * len(tokens)
        assert len(ids) <= 76
        padding = 77 - len(ids)
        ids += [tokenizer.eos_token_id] + [tokenizer.pad_token_id] * (padding - 1)
        weights = torch.tensor(weights + [1.0] * padding)
        hidden = encoder(torch.tensor([ids]), output_hidden_states=True).hidden_states
        plain = encoder.final_layer_norm(hidden[-(clip_skip + 1)])[0]
        if (weights == 1).all():
            rows.append(plain)
            continue
        weighted = plain * weights[:, None]
        rows.append(weighted * (plain.double().mean() / weighted.double().mean()).float())
    return torch.cat(rows)


@torch.no_grad()
def main():
    torch.set_num_threads(2)
    pipe = pipeline()
    width = pipe.text_encoder.config.hidden_size
    vectors = torch.randn(2, width, generator=torch.Generator("cpu").manual_seed(17)) * 0.05
    glow = add_glow(pipe, vectors)
    tensors = {"glow": vectors}
    for index, case in enumerate(CASES):
        chunks, negative = case["chunks"], case["negative_chunks"]
        count = max(len(chunks), len(negative))
        chunks, negative = (part + [[]] * (count - len(part)) for part in (chunks, negative))
        positive = encode(pipe, chunks, case["clip_skip"], glow)
        negative = encode(pipe, negative, case["clip_skip"], glow)
        tensors[f"{index}.embeddings"] = torch.cat([negative, positive])
        latents = pipe(
            prompt_embeds=positive[None], negative_prompt_embeds=negative[None], num_inference_steps=6,
            guidance_scale=4.0, height=64, width=64, generator=torch.Generator("cpu").manual_seed(3),
            output_type="latent",
        ).images
        tensors[f"{index}.latents"] = latents[0]
    runs = [{key: case[key] for key in ("prompt", "negative_prompt", "clip_skip")} for case in CASES]
    (HERE / "prompts.json").write_text(json.dumps(runs, indent=1) + "\n")
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, HERE / "prompts.safetensors")


if __name__ == "__main__":
    main()
