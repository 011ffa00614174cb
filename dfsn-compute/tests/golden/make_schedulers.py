"""Writes schedulers.json and schedulers.safetensors: schedules and loops of diffusers' schedulers in float32.

    python -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python make_schedulers.py

The UNet is a formula, and the noise that a scheduler draws is the same tensor every time, rotated: what is compared
is the scheduler alone. The Rust tests read the files; they need no Python.
"""

import json
from pathlib import Path

import diffusers.schedulers.scheduling_ddpm as ddpm_module
import diffusers.schedulers.scheduling_euler_ancestral_discrete as ancestral_module
import diffusers.schedulers.scheduling_lcm as lcm_module
import torch
from diffusers import (
    DDIMScheduler,
    DDPMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    LCMScheduler,
    PNDMScheduler,
    UniPCMultistepScheduler,
)
from safetensors.torch import save_file

HERE = Path(__file__).resolve().parent
MODEL = HERE.parents[2] / "models" / "emoji-64"
KARRAS = {"use_karras_sigmas": True}
KINDS = {
    "ddim": (DDIMScheduler, {}),
    "euler": (EulerDiscreteScheduler, {}),
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
NO_SAMPLE_PREDICTION = ("pndm", "euler_ancestral")
SPACINGS = ("linspace", "leading", "trailing")
PREDICTIONS = ("epsilon", "v_prediction", "sample")

# As published with Stable Diffusion 1.5: what it leaves out takes the default of the class that runs.
SD15 = {
    "_class_name": "PNDMScheduler", "beta_end": 0.012, "beta_schedule": "scaled_linear", "beta_start": 0.00085,
    "num_train_timesteps": 1000, "set_alpha_to_one": False, "skip_prk_steps": True, "steps_offset": 1,
    "trained_betas": None, "clip_sample": False,
}
ZERO_SNR = {"rescale_betas_zero_snr": True, "prediction_type": "v_prediction", "timestep_spacing": "trailing"}
# Name, changes of SD15, kinds that read them (all without), numbers of steps.
VARIANTS = [
    ("nothing", None, None, [4, 7]),
    ("zero-snr", ZERO_SNR, None, [1, 7]),
    ("cosine", {"beta_schedule": "squaredcos_cap_v2", "timestep_spacing": "leading"}, None, [7]),
    ("short", {"num_train_timesteps": 100, "steps_offset": 0, "original_inference_steps": 20}, None, [3, 7]),
    ("offset", {"steps_offset": 5, "timestep_spacing": "leading"}, None, [7]),
    ("clip", {"clip_sample": True, "clip_sample_range": 0.5}, ["ddim", "ddpm", "lcm"], [7]),
    ("alpha-one", {"set_alpha_to_one": True}, ["ddim", "pndm"], [7]),
    ("prk", {"skip_prk_steps": False}, ["pndm"], [4, 7, 20]),
    ("prk-v", {"skip_prk_steps": False, "prediction_type": "v_prediction"}, ["pndm"], [7]),
    ("sigma-min", {"final_sigmas_type": "sigma_min"}, ["euler", "dpmpp_2m", "unipc"], [7, 16]),
    ("sigma-min-karras", {"final_sigmas_type": "sigma_min"},
     ["euler_karras", "dpmpp_2m_karras", "unipc_karras"], [7]),
    ("order-1", {"solver_order": 1}, ["dpmpp_2m", "unipc"], [7]),
    ("no-lower-order", {"lower_order_final": False, "final_sigmas_type": "sigma_min"}, ["dpmpp_2m", "unipc"], [7]),
    ("euler-last", {"euler_at_final": True, "final_sigmas_type": "sigma_min"}, ["dpmpp_2m"], [16]),
    ("heun", {"solver_type": "heun"}, ["dpmpp_2m", "unipc"], [7]),
    ("bh1", {"solver_type": "bh1", "final_sigmas_type": "sigma_min"}, ["dpmpp_2m", "unipc"], [7]),
    ("lu", {"use_lu_lambdas": True}, ["dpmpp_2m", "unipc"], [7]),
    ("karras", {"use_karras_sigmas": True}, ["euler", "dpmpp_2m", "unipc", "ddim"], [7]),
    ("scaling", {"timestep_scaling": 3.0, "original_inference_steps": 100}, ["lcm"], [1, 8]),
]
# Steps and how many evaluations at the beginning img2img leaves out.
STARTS = [(5, 1), (5, 4), (20, 12)]


def model(sample, timestep):
    return (sample - 0.1 * sample * sample.abs() / (1 + sample * sample)) * (0.2 + float(timestep) / 1000)


def cases():
    for kind in KINDS:
        for spacing in SPACINGS:
            for prediction in PREDICTIONS:
                if prediction == "sample" and kind in NO_SAMPLE_PREDICTION:
                    continue
                config = dict(SD15, timestep_spacing=spacing, prediction_type=prediction)
                for steps in [1, 2, 5, 20]:
                    yield f"{spacing}-{prediction}", config, kind, steps, 0
        for steps in [1, 2, 20, 50]:
            yield "sd15", SD15, kind, steps, 0
        yield "emoji-64", json.loads((MODEL / "scheduler" / "scheduler_config.json").read_text()), kind, 20, 0
        for steps, start in STARTS:
            yield "start", SD15, kind, steps, start
    for name, changes, kinds, counts in VARIANTS:
        config = {} if changes is None else {**SD15, **changes}
        for kind in kinds or KINDS:
            for steps in counts:
                yield name, config, kind, steps, 0


def run(config, kind, steps, start, tensors, key):
    cls, changes = KINDS[kind]
    scheduler = cls.from_config({**config, **changes})
    scheduler.set_timesteps(steps)
    timesteps = scheduler.timesteps[start:]
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(start)
    sample, noise = tensors["sample"], tensors["noise"]
    drawn = 0

    def draw(*_args, **_kwargs):
        nonlocal drawn
        drawn += 1
        return torch.roll(noise, drawn)

    for module in (ddpm_module, ancestral_module, lcm_module):
        module.randn_tensor = draw
    if start > 0:
        sample = scheduler.add_noise(sample, noise, timesteps[:1])
        tensors[f"{key}.noised"] = sample.clone()
    else:
        sample = sample * scheduler.init_noise_sigma
    for index, timestep in enumerate(timesteps):
        output = model(scheduler.scale_model_input(sample, timestep), timestep)
        sample = scheduler.step(output, timestep, sample, return_dict=False)[0]
        assert sample.dtype == torch.float32
        if index + 1 == len(timesteps) or steps in (5, 7):
            tensors[f"{key}.{index}"] = sample.clone().contiguous()
    sigmas = getattr(scheduler, "sigmas", torch.empty(0))[start:]
    return {
        "name": key, "scheduler": kind, "steps": steps, "start": start,
        "timesteps": [float(t) for t in timesteps], "sigmas": [float(sigma) for sigma in sigmas],
        "init_noise_sigma": float(scheduler.init_noise_sigma),
    }


@torch.no_grad()
def main():
    generator = torch.Generator("cpu").manual_seed(5)
    tensors = {name: torch.randn(1, 4, 2, 4, generator=generator) for name in ("sample", "noise")}
    configs, table = {}, []
    for name, config, kind, steps, start in cases():
        key = f"{name}.{kind}.{steps}" + (f".{start}" if start else "")
        case = run(config, kind, steps, start, tensors, key)
        for value in (tensors[key_] for key_ in tensors if key_.startswith(f"{key}.")):
            assert torch.isfinite(value).all(), key
        table.append(dict(case, config=name))
        assert configs.setdefault(name, config) == config, name
    golden = {"configs": configs, "cases": table}
    (HERE / "schedulers.json").write_text(json.dumps(golden).replace('{"name"', '\n{"name"') + "\n")
    save_file(tensors, HERE / "schedulers.safetensors")
    print(len(table), "cases")


if __name__ == "__main__":
    main()
