"""The sides of compare.py: how they are built, and the processes that compute."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = "dfsn-compute/tests/golden/requirements.txt"
# The first that takes part writes what the others compute with.
SIDES = ("diffusers", "dfsn", "exact", "candle")


class Failure(Exception):
    """What a user can mend."""


def note(text):
    print(text, file=sys.stderr, flush=True)


class Side:
    """A process that answers `ROW REPEATS` with seconds."""

    def __init__(self, name, command, env, log, clock):
        self.name, self.log, self.clock = name, log, clock
        self.process = subprocess.Popen(
            [str(part) for part in command], env=env, text=True, bufsize=1,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=open(log, "w"),
        )
        self.about = self.read()

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            tail = "\n  ".join(self.log.read_text(errors="replace").strip().splitlines()[-8:])
            raise Failure(f"{self.name} ended with status {self.process.wait()}:\n  {tail}")
        return json.loads(line)

    def measure(self, row, repeats):
        before = self.processor_seconds()
        try:
            self.process.stdin.write(f"{row} {repeats}\n")
        except BrokenPipeError:
            pass
        found = self.read()
        if self.clock == "processor":
            found["seconds"] = [(self.processor_seconds() - before) / repeats]
        return found

    def processor_seconds(self):
        """That the process has had so far; threads that have ended do not count."""
        if self.clock == "wall":
            return 0
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()


def run(command, **options):
    """Runs a command to its end; what it prints on standard error is shown."""
    try:
        result = subprocess.run(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, **options)
    except FileNotFoundError as error:
        raise Failure(f"{error.filename} is not installed") from None
    if result.returncode:
        raise Failure(f"`{' '.join(map(str, command))}` ended with status {result.returncode}, see above")
    return result.stdout


def built(command, **options):
    """The program that a cargo command builds."""
    lines = run([*command, "--message-format=json-render-diagnostics"], **options).splitlines()
    programs = [message.get("executable") for message in map(json.loads, lines)]
    return [program for program in programs if program][-1]


def missing_packages():
    return [name for name in ("torch", "diffusers", "transformers", "safetensors") if find_spec(name) is None]


def prepare_diffusers():
    if missing := missing_packages():
        raise Failure(
            f"{sys.executable} lacks {', '.join(missing)}: python3 -m venv venv && "
            f"venv/bin/pip install -r {REQUIREMENTS}, then run this with venv/bin/python"
        )
    return [sys.executable, ROOT / "benches" / "diffusers_peer.py"]


def build_dfsn():
    if not os.environ.get("LIBTORCH"):
        run(["cargo", "xtask", "setup"])
        line = next(line for line in run(["cargo", "xtask", "env"]).splitlines() if "LIBTORCH=" in line)
        os.environ["LIBTORCH"] = line.split("LIBTORCH=", 1)[1].strip("'\"; ")
    command = ["cargo", "build", "--release", "-p", "dfsn-benches", "--features", "torch", "--bin", "compute_peer"]
    return [built(command)]


def mkl_root():
    """Where Intel's library is installed, if it is."""
    for root in (os.environ.get("MKLROOT"), sys.prefix):
        if root and any((Path(root) / place / "libmkl_core.a").is_file() for place in ("lib", "lib/intel64")):
            return root
    return None


def library_path():
    """For candle with MKL, whose OpenMP library lies beside it."""
    known, root = os.environ.get("LD_LIBRARY_PATH"), mkl_root()
    return ":".join(filter(None, [root and str(Path(root).resolve() / "lib"), known]))


def build_candle(kernels):
    root = mkl_root()
    if kernels != "gemm" and not root:
        missing = "MKL is not found: pip install mkl-static mkl-include, or set MKLROOT"
        if kernels == "mkl":
            raise Failure(missing)
        note(f"candle computes with its own kernels. {missing}")
    metadata = json.loads(run(["cargo", "metadata", "--no-deps", "--format-version", "1"]))
    command = ["cargo", "build", "--release", "--manifest-path", "benches/candle/Cargo.toml"]
    # A folder of its own, since its flags differ.
    env = {**os.environ, "RUSTFLAGS": "-C target-cpu=native"}
    with_mkl = root and kernels != "gemm"
    if with_mkl:
        env["MKLROOT"] = str(Path(root).resolve())
        command += ["--features", "mkl"]
    target = Path(metadata["target_directory"]) / ("candle-mkl" if with_mkl else "candle")
    return [built([*command, "--target-dir", str(target)], env=env)]


def programs(args):
    """How each side that can take part is started."""
    found = {}
    dfsn = None
    for name in args.sides:
        try:
            if name in ("exact", "candle") and (args.device, args.dtype) != ("cpu", "f32"):
                raise Failure("it takes part on the CPU in f32 only")
            if name == "diffusers":
                found[name] = prepare_diffusers()
            elif name == "candle":
                found[name] = build_candle(args.candle)
            else:
                dfsn = dfsn or build_dfsn()
                found[name] = dfsn
        except Failure as failure:
            note(f"{name} is left out: {failure}")
    if not found:
        raise Failure("no side is left")
    return found
