"""The conditions under which the book's outputs are made: environment variables of every kernel that runs a cell."""

from __future__ import annotations

STATIC = "GAPLAB_STATIC"
"""Is set while the book is rendered or validated: pages have no kernel to ask."""

KERNEL = {
    "GAPLAB_DEVICE": "cpu",
    STATIC: "1",
    "PYTHONHASHSEED": "0",
    "TQDM_DISABLE": "1",
}
"""What no output may depend on: the device, a kernel to ask, the hash seed, a progress bar."""

ONE_THREAD = {"OMP_NUM_THREADS": "1"}
"""So that sums are added in one order, and kernels side by side do not wait for one another."""

PROCESSORS = {
    "native": {},
    "avx2": {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_CBWR": "AVX2"},
    "portable": {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41", "MKL_CBWR": "COMPATIBLE"},
}
"""Environments that make PyTorch, oneDNN and MKL compute as other processors do; by themselves they take the best."""
