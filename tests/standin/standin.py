"""Build and load the second device that is made of the CPU: see standin.cpp."""

import hashlib
import os
import re
import subprocess
import types
from pathlib import Path

import torch
import torchgen

SOURCE = Path(__file__).with_name("standin.cpp")
TORCH = Path(torch.__file__).parent
OPERATORS = Path(torchgen.__file__).parent / "packaged" / "ATen" / "native" / "native_functions.yaml"


def compiled(folder: Path, role: str) -> Path:
    """Compile the device for a role, or take the library that the same source and the same PyTorch gave before."""
    key = hashlib.sha256(SOURCE.read_bytes() + f"{torch.__version__} {role}".encode()).hexdigest()[:12]
    library = folder / f"standin-{key}.so"
    if not library.exists():
        partial = library.with_suffix(f".{os.getpid()}")  # two processes may compile at once: the last one is kept
        command = ["g++", "-std=c++20", "-O1", "-fPIC", "-shared", "-isystem", TORCH / "include", SOURCE, "-o", partial]
        command += ["-L", TORCH / "lib", "-lc10", "-ltorch_cpu", *(["-DSTANDIN_MPS"] if role == "mps" else [])]
        subprocess.run(command, check=True)
        partial.replace(library)
    return library


def takes_cpu_scalar() -> list[str]:
    """List the operators whose CUDA kernel takes a CPU tensor without dimensions, by PyTorch's own list."""
    entries = re.split(r"^- func: ", OPERATORS.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return [f"aten::{entry.partition('(')[0]}" for entry in entries if "device_check: NoCheck" in entry]


def load(folder: Path, role: str) -> torch.device:
    """Load the device and return it; once a process, for it cannot be unloaded.

    Args:
        folder: Where the compiled library lies, or will.
        role: ``"cuda"``, which makes a device called ``standin``, or ``"mps"``.
    """
    torch.ops.load_library(compiled(folder, role))
    torch.ops.standin.allow_scalars(takes_cpu_scalar())
    if role == "mps":
        torch._C._has_mps = True  # what torch.backends.mps.is_built() reads
        return torch.device("mps")
    torch.utils.rename_privateuse1_backend("standin")
    torch._register_device_module("standin", _module())
    torch.utils.generate_methods_for_privateuse1_backend()
    return torch.device("standin:0")


def _module() -> types.ModuleType:
    """Make ``torch.standin``, of which PyTorch asks what it asks of ``torch.cuda``."""
    module, device = types.ModuleType("torch.standin"), torch.ops.standin
    functions = {
        "is_available": lambda: True,
        "is_initialized": lambda: True,
        "_is_in_bad_fork": lambda: False,
        "device_count": lambda: 1,
        "current_device": lambda: 0,
        "manual_seed_all": lambda seed: device.seed(seed & (2**63 - 1)),
        "get_rng_state": lambda index=None: device.get_state(),
        "set_rng_state": lambda state, index=None: device.set_state(state),
    }
    vars(module).update(functions)
    return module
