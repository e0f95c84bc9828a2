"""Run the code cells of a source on other terms: ``python run_cells.py SOURCE FOLDER ROLE [CELL OLD NEW]``.

ROLE is ``cuda`` or ``mps``, a second device whose library lies in FOLDER, or ``resnet50``, the CPU with the reader's
switch to official weights and a stand-in for their file, which lies in FOLDER. OLD is replaced by NEW in the named
cell, to see that a careless edit is noticed. One process for a source: the device cannot be unloaded, and a real GPU
beside it could no longer differentiate.
"""

import os
import sys
from pathlib import Path

import jupytext
import standin
import torch
from IPython.core.interactiveshell import InteractiveShell

source, folder, role, *change = sys.argv[1:]
where = torch.device("cpu") if role == "resnet50" else standin.load(Path(folder), role)
import gaplab  # noqa: E402 the device comes before all that asks for it

if role == "resnet50":
    import official  # imports the package, which must not come before the other roles' device

    os.environ["GAPLAB_PHOTO_NETWORK"] = role
    official.take_for_genuine(Path(folder))
if role == "cuda":
    # PyTorch gives the device a name of its own, which a reader cannot ask for.
    gaplab.device = sys.modules["gaplab.device"].device = lambda: where
    # Tensor cores round what convolutions read unless that is forbidden, and what products read where it is allowed.
    torch.backends.cuda.matmul.fp32_precision = "tf32"
assert gaplab.device() == where

os.chdir(Path(source).parent)
shell = InteractiveShell.instance()
for cell in jupytext.read(source).cells:
    if cell.cell_type != "code":
        continue
    name, text = cell.metadata.get("name"), cell.source
    if change and name == change[0]:
        assert change[1] in text
        text = text.replace(*change[1:])
    if role == "cuda":
        switches = torch.backends.cudnn.conv, torch.backends.cuda.matmul
        torch.ops.standin.round(*(switch.fp32_precision == "tf32" for switch in switches))
    done = shell.run_cell(text)
    if problem := done.error_before_exec or done.error_in_exec:
        sys.exit(f"{name}: {type(problem).__name__}: {problem}")
