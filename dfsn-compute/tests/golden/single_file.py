"""Writes a pipeline as one file with the names of the original releases, and checks that diffusers reads it back.

Used by make_models.py. The names here are derived from the ones that diffusers' own loader takes apart
(`loaders/single_file_utils.py`), which is asked whether they are right.
"""

import re

import torch
from diffusers.loaders import single_file_utils as loader
from safetensors.torch import save_file

RESNET = [
    ("norm1", "in_layers.0"), ("conv1", "in_layers.2"), ("time_emb_proj", "emb_layers.1"), ("norm2", "out_layers.0"),
    ("conv2", "out_layers.3"), ("conv_shortcut", "skip_connection"),
]
FIXED = [
    ("time_embedding.linear_1", "time_embed.0"), ("time_embedding.linear_2", "time_embed.2"),
    ("add_embedding.linear_1", "label_emb.0.0"), ("add_embedding.linear_2", "label_emb.0.2"),
    ("conv_in", "input_blocks.0.0"), ("conv_norm_out", "out.0"), ("conv_out", "out.2"),
]
VAE = [
    ("mid_block.resnets.0", "mid.block_1"), ("mid_block.resnets.1", "mid.block_2"),
    ("mid_block.attentions.0", "mid.attn_1"), ("group_norm", "norm"), ("to_out.0", "proj_out"), ("to_q", "q"),
    ("to_k", "k"), ("to_v", "v"), ("conv_norm_out", "norm_out"), ("conv_shortcut", "nin_shortcut"),
]
OPEN_CLIP = [
    ("encoder.layers", "transformer.resblocks"), ("layer_norm1", "ln_1"), ("layer_norm2", "ln_2"),
    ("mlp.fc1", "mlp.c_fc"), ("mlp.fc2", "mlp.c_proj"), ("self_attn.out_proj", "attn.out_proj"),
    ("final_layer_norm", "ln_final"), ("embeddings.token_embedding", "token_embedding"),
    ("embeddings.position_embedding.weight", "positional_embedding"),
]


def replaced(name, pairs):
    for old, new in pairs:
        name = name.replace(old, new)
    return name


def unet_names(unet):
    layers, up = unet.config.layers_per_block, unet.config.up_block_types
    names = {}
    for name in unet.state_dict():
        if match := re.match(r"(down|up)_blocks\.(\d+)\.(resnets|attentions|\w+samplers)\.(\d+)\.(.*)", name):
            way, block, kind, layer, rest = match.groups()
            block, layer = int(block), int(layer)
            place = block * (layers + 1) + (layer if not kind.endswith("samplers") else layers)
            slot = {"resnets": 0, "attentions": 1, "downsamplers": 0}.get(kind)
            if way == "down":
                place += 1
            if kind == "upsamplers":
                slot = 2 if "CrossAttn" in up[block] else 1
            if kind == "downsamplers":
                rest = rest.replace("conv", "op")
            if kind == "resnets":
                rest = replaced(rest, RESNET)
            names[name] = f"{'input' if way == 'down' else 'output'}_blocks.{place}.{slot}.{rest}"
        elif match := re.match(r"mid_block\.(resnets|attentions)\.(\d+)\.(.*)", name):
            kind, index, rest = match.groups()
            place = 1 if kind == "attentions" else 2 * int(index)
            names[name] = f"middle_block.{place}.{replaced(rest, RESNET) if kind == 'resnets' else rest}"
        else:
            names[name] = replaced(name, FIXED)
    return names


def vae_state(vae):
    blocks = len(vae.config.block_out_channels)
    state = {}
    for name, tensor in vae.state_dict().items():
        if ".attentions." in name and name.endswith("weight") and tensor.dim() == 2:
            tensor = tensor[:, :, None, None]
        if match := re.match(r"(encoder|decoder)\.(down|up)_blocks\.(\d+)\.(\w+)\.(\d+)\.(.*)", name):
            half, way, block, kind, layer, rest = match.groups()
            block = int(block) if way == "down" else blocks - 1 - int(block)
            inner = f"block.{layer}" if kind == "resnets" else f"{way}sample"
            name = f"{half}.{way}.{block}.{inner}.{rest}"
        state[replaced(name, VAE)] = tensor
    return state


def clip_state(encoder):
    return {
        key if key.startswith(("text_model.", "text_projection.")) else f"text_model.{key}": tensor
        for key, tensor in encoder.state_dict().items()
    }


def open_clip_state(encoder):
    state, joined = {}, {}
    for key, tensor in clip_state(encoder).items():
        if key == "text_projection.weight":
            state["text_projection"] = tensor.T.contiguous()
            continue
        name = replaced(key.removeprefix("text_model."), OPEN_CLIP)
        if match := re.match(r"(.*)\.self_attn\.([qkv])_proj\.(weight|bias)", name):
            layer, which, end = match.groups()
            joined.setdefault(f"{layer}.attn.in_proj_{end}", {})[which] = tensor
        else:
            state[name] = tensor
    return state | {name: torch.cat([thirds[which] for which in "qkv"]) for name, thirds in joined.items()}


def prefixed(prefix, state):
    return {f"{prefix}{name}": tensor for name, tensor in state.items()}


def write_single_file(pipe, path):
    names = unet_names(pipe.unet)
    state = {f"model.diffusion_model.{names[key]}": tensor for key, tensor in pipe.unet.state_dict().items()}
    state |= prefixed("first_stage_model.", vae_state(pipe.vae))
    is_xl = hasattr(pipe, "text_encoder_2")
    is_open = pipe.text_encoder.config.hidden_act == "gelu"
    if is_xl:
        state |= prefixed("conditioner.embedders.0.transformer.", clip_state(pipe.text_encoder))
        state |= prefixed("conditioner.embedders.1.model.", open_clip_state(pipe.text_encoder_2))
        state["conditioner.embedders.1.model.logit_scale"] = torch.tensor(1.0)
    elif is_open:
        state |= prefixed("cond_stage_model.model.", open_clip_state(pipe.text_encoder))
        # Published files hold a last layer and a projection that the model leaves out.
        layers = pipe.text_encoder.config.num_hidden_layers
        for key in [key for key in state if f"resblocks.{layers - 1}." in key]:
            state[key.replace(f".{layers - 1}.", f".{layers}.")] = state[key].clone()
        state["cond_stage_model.model.text_projection"] = torch.eye(pipe.text_encoder.config.hidden_size)
    else:
        state |= prefixed("cond_stage_model.transformer.", clip_state(pipe.text_encoder))
    # What training leaves behind.
    state["alphas_cumprod"] = torch.linspace(1, 0, 10)
    state["model_ema.diffusion_modelout2bias"] = torch.zeros(4)
    check(pipe, state)
    save_file({key: tensor.detach().half().contiguous().clone() for key, tensor in state.items()}, path)


def check(pipe, state):
    """diffusers' own loader must find every tensor where it belongs."""
    back = loader.convert_ldm_unet_checkpoint(dict(state), config=dict(pipe.unet.config))
    same(back, pipe.unet.state_dict())
    same(loader.convert_ldm_vae_checkpoint(dict(state), config=dict(pipe.vae.config)), pipe.vae.state_dict())
    if hasattr(pipe, "text_encoder_2"):
        back = loader.convert_open_clip_checkpoint(
            pipe.text_encoder_2, dict(state), prefix="conditioner.embedders.1.model."
        )
        same({key: back[key] for key in clip_state(pipe.text_encoder_2)}, clip_state(pipe.text_encoder_2))


def same(found, expected):
    assert set(found) == set(expected), set(found) ^ set(expected)
    for key, tensor in expected.items():
        assert torch.equal(found[key].reshape(tensor.shape), tensor), key
