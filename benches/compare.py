#!/usr/bin/env python3
"""Measures Stable Diffusion in dfsn-compute (on libtorch, and in exact-v1), diffusers and candle: same weights, same
inputs, one run.

Each side is a process of its own that holds the model. Round after round, every side computes every row, in an order
that changes, so that whatever else the machine does meets all of them alike. Ratios are medians over rounds.
A side that cannot take part is left out, with the reason and the remedy.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from sides import REQUIREMENTS, ROOT, SIDES, Failure, Side, library_path, missing_packages, note, programs, run

ROWS = ("text_encode", "unet_step", "vae_decode", "generate")
EXAMPLES = f"""
needs:
  Rust and a C++ compiler; libtorch is fetched once, as for the other commands. For diffusers: Python with the
  packages of {REQUIREMENTS}. candle is built with its feature mkl where MKLROOT is set or
  `pip install mkl-static mkl-include` was done in the same environment, else with its own kernels.

examples:
  venv/bin/python benches/compare.py
  venv/bin/python benches/compare.py --threads 1 --models emoji-64 --rounds 20
  venv/bin/python benches/compare.py --models sd15 --sides dfsn,diffusers --rows unet_step --json > figures.json
  venv/bin/python benches/compare.py --device cuda --dtype bf16 --channels-last --size 512 --models sd15

models:
  emoji-64  models/emoji-64 at 64x64
  sd15      Stable Diffusion 1.5 at full size with random weights, at 256x256; made once, 2.2 GB in $DFSN_CACHE
  any other name is the folder of a model in diffusers' layout (give --size)
"""


def positive(text):
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)


def names_of(known):
    def parse(text):
        names = text.split(",")
        if unknown := set(names) - set(known):
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(known)}")
        return [name for name in known if name in names]

    return parse


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--models", default="emoji-64,sd15", help="which, separated by commas (default: %(default)s)")
    add("--sides", type=names_of(SIDES), default=SIDES, help=f"which, separated by commas (default: {','.join(SIDES)})")
    add("--rows", type=names_of(ROWS), default=ROWS, help=f"which, separated by commas (default: {','.join(ROWS)})")
    add("--threads", type=positive, default=2, help="of each side (default: %(default)s)")
    add("--rounds", type=positive, help="default: 10 for emoji-64, 3 for others")
    add("--steps", type=positive, help="of a picture (default: 20 for emoji-64, 4 for others)")
    add("--size", type=positive, help="sides of pictures (default: 64 for emoji-64, 256 for others)")
    add("--device", choices=("cpu", "cuda"), default="cpu", help="candle and exact take part on the CPU only")
    add("--dtype", choices=("f32", "bf16", "f16"), default="f32", help="candle and exact take part in f32 only")
    add("--channels-last", action="store_true", help="of diffusers' UNet and autoencoder")
    add("--clock", choices=("wall", "processor"), default="wall", help="processor: for busy machines, on Linux")
    add("--spin", action="store_true", help="let OpenMP's threads spin while they wait; for idle machines only")
    add("--candle", choices=("auto", "mkl", "gemm"), default="auto", help="candle's kernels (default: %(default)s)")
    add("--json", action="store_true", help="print every measurement as JSON instead of tables")
    args = parser.parse_args()
    if args.clock == "processor" and args.threads > 1:
        parser.error("processor time is that of one thread: add --threads 1")
    return args


def model_folder(name):
    if name == "emoji-64":
        return ROOT / "models" / name
    if name != "sd15":
        if not (Path(name) / "model_index.json").is_file():
            raise Failure(f"{name}/model_index.json is not there: name a folder in diffusers' layout")
        return Path(name).resolve()
    cache = Path(os.environ.get("DFSN_CACHE") or Path.home() / ".cache" / "dfsn")
    folder = cache / "full-size-sd15"
    if not (folder / "model_index.json").is_file():
        if missing := missing_packages():
            raise Failure(f"its weights are made with Python, and {', '.join(missing)} are missing ({REQUIREMENTS})")
        if shutil.disk_usage(next(path for path in (cache, *cache.parents) if path.exists())).free < 5 << 30:
            raise Failure(f"{cache} has less than 5 GB left for the weights: set DFSN_CACHE")
        note(f"making random weights in {folder}, once")
        run([sys.executable, "dfsn-compute/tests/golden/full_size.py", str(folder)])
    return folder


def environment(args):
    threads = str(args.threads)
    env = dict(os.environ)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
        env[name] = threads
    env["OMP_WAIT_POLICY"] = "active" if args.spin else "passive"
    # The error alone is shown.
    env["RUST_BACKTRACE"] = "0"
    return env


def warn_of_memory(folder, sides):
    """Stored in 16 bits, weights take twice their size in f32."""
    needed = 2 * sides * sum(file.stat().st_size for file in folder.rglob("*.safetensors"))
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return
    free = next((1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable")), needed)
    if free < needed:
        note(f"{sides} sides may take {needed / 1e9:.0f} GB, {free / 1e9:.0f} GB are free: name fewer with --sides")


def start(args, found, model, folder, steps, size, work):
    """Every side with the model loaded, but for those that cannot load it."""
    env, inputs = environment(args), work / "inputs.safetensors"
    layout = "channels-last" if args.channels_last else "contiguous"
    common = [folder, inputs, ",".join(args.rows), steps, size, args.threads]
    place = [args.device, args.dtype]
    arguments = {
        "diffusers": [*common, *place, layout],
        "dfsn": [*common, "torch", *place],
        "exact": [*common, "exact", *place],
        "candle": [folder, inputs, steps],
    }
    if "candle" in found and len(found) == 1:
        raise Failure("candle needs another side, which tells it the tokens")
    sides = {}
    for name, program in found.items():
        note(f"{model}: loading {name}")
        libraries = {"LD_LIBRARY_PATH": library_path()} if name == "candle" else {}
        try:
            sides[name] = Side(name, [*program, *arguments[name]], env | libraries, work / f"{name}.log", args.clock)
        except Failure as failure:
            note(f"{name} is left out: {failure}")
    if not sides:
        raise Failure("no side can load it")
    return sides


def measure(sides, rows, rounds, repeats):
    """Seconds of every repeat: `{side: {row: [round, ...]}}`, and each side's distance from the first."""
    seconds = {name: {row: [] for row in rows} for name in sides}
    distances = {name: {} for name in sides}
    names = list(sides)
    for number in range(-1, rounds):
        note("warming up" if number < 0 else f"round {number + 1} of {rounds}")
        for row in rows:
            shift = (number + 1) % len(names)
            for name in names[shift:] + names[:shift]:
                if row == "gemm" and name != "diffusers":
                    continue
                # Whole pictures are made of what is warm by then.
                if number < 0 and row == "generate" and len(rows) > 2:
                    continue
                found = sides[name].measure(row, repeats[row] if number >= 0 else 1)
                distances[name][row] = found.get("distance")
                if number >= 0:
                    seconds[name][row].append(found["seconds"])
    return seconds, distances


def compare(args, found, model, work):
    is_small = model == "emoji-64"
    steps = args.steps or (20 if is_small else 4)
    size = args.size or (64 if is_small else 256)
    rounds = args.rounds or (10 if is_small else 3)
    repeats = dict.fromkeys((*ROWS, "gemm"), 1)
    repeats |= {"text_encode": 30, "unet_step": 10, "vae_decode": 20} if is_small else {"text_encode": 3}
    repeats |= {"gemm": 5}
    folder = model_folder(model)
    warn_of_memory(folder, len(found))
    sides = start(args, found, model, folder, steps, size, work)
    try:
        seconds, distances = measure(sides, ("gemm", *args.rows), rounds, repeats)
    finally:
        for side in sides.values():
            side.close()
    return {
        "model": model, "size": size, "steps": steps, "rounds": rounds, "threads": args.threads,
        "device": args.device, "dtype": args.dtype, "channels_last": args.channels_last, "spin": args.spin,
        "clock": args.clock,
        "libraries": {name: side.about["library"] for name, side in sides.items()},
        "flops": next(iter(sides.values())).about.get("flops"), "seconds": seconds, "distances": distances,
    }


def median(rounds):
    return statistics.median(second for found in rounds for second in found)


def ratio(ours, theirs):
    """How many times as long the other side takes: the median over rounds of the ratio within the round."""
    return statistics.median(statistics.median(b) / statistics.median(a) for a, b in zip(ours, theirs))


def table(result):
    seconds, flops = result["seconds"], result["flops"]
    names = sorted(seconds, key=lambda name: (name != "dfsn", SIDES.index(name)))
    ours, *others = names
    print(
        f"\n## {result['model']}, {result['size']}x{result['size']}, {result['dtype']}, {result['device']}, "
        f"{result['threads']} thread(s), {result['rounds']} rounds, {result['clock']} time\n"
    )
    print("; ".join(result["libraries"].values()) + ".")
    head = ["", f"{ours}, ms"]
    for name in others:
        head += [f"{name}, ms", f"{name} / {ours}"]
    if flops:
        # The fastest product, of all rounds.
        peak = flops["gemm"] / min(second for found in seconds["diffusers"]["gemm"] for second in found) / 1e9
        print(f"Peak, by a product of 2048x2048 matrices on libtorch: {peak:.0f} GFLOP/s.")
        head += ["GFLOP", f"GFLOP/s, {ours}", "of peak"]
    first = next(iter(seconds))
    head += [f"{name} to {first}" for name in seconds if name != first]
    print()
    print_row(head)
    print_row(["---"] * len(head))
    for row in (row for row in ROWS if row in seconds[ours]):
        found = {name: seconds[name][row] for name in names}
        cells = [row if row != "generate" else f"generate, {result['steps']} steps", ms(median(found[ours]))]
        for name in others:
            cells += [ms(median(found[name])), f"{ratio(found[ours], found[name]):.2f}"]
        if flops:
            speed = flops[row] / median(found[ours]) / 1e9
            cells += [f"{flops[row] / 1e9:.3g}", f"{speed:.0f}", f"{100 * speed / peak:.0f} %"]
        distances = [result["distances"][name].get(row) for name in seconds if name != first]
        print_row(cells + ["" if distance is None else f"{distance:.1e}" for distance in distances])


def ms(seconds):
    return f"{1000 * seconds:.3g}" if seconds < 1 else f"{1000 * seconds:.0f}"


def print_row(cells):
    print("| " + " | ".join(cells) + " |")


def main():
    args = arguments()
    note("building")
    found = programs(args)
    results = []
    for model in args.models.split(","):
        with tempfile.TemporaryDirectory(prefix="dfsn-compare-") as work:
            try:
                results.append(compare(args, found, model, Path(work)))
            except Failure as failure:
                note(f"{model} is left out: {failure}")
                continue
        if not args.json:
            table(results[-1])
    if args.json:
        json.dump(results, sys.stdout, indent=1)
    if not results:
        raise Failure("nothing was measured")


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"error: {failure}")
    except KeyboardInterrupt:
        sys.exit(130)
