"""What pages load: the engine and the exported networks, as files, as values and as classic scripts.

No PyTorch and no NumPy here: the site is built without them.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
from pathlib import Path
from typing import Any, NamedTuple

from gaplab import files
from gaplab.errors import ReaderError, unknown_name
from gaplab.javascript import joined

FOLDER = Path(__file__).parents[1] / "assets" / "live"
ENGINE = Path(__file__).parent / "engine"
LICENCE = "APACHE-2.0.txt"
"""The licence of EfficientNet-Lite0's weights, which every copy of them must bring along."""


class Live(NamedTuple):
    """A network that a page can run."""

    plan: dict[str, Any]
    """Its layers as data; ``engine/plan.js`` describes it."""
    weights: bytes
    """As ``engine/weights.js`` reads them."""


def names(folder: Path = FOLDER) -> list[str]:
    """Return the names of the networks that pages can run, sorted."""
    return sorted(path.stem for path in folder.glob("*.json"))


def network(name: str, folder: Path = FOLDER) -> Live:
    """Return an exported network.

    Args:
        name: For example ``"resnet20-gap-s0"`` or ``"efficientnet_lite0"``; `names` lists all.
        folder: Where they lie.

    Raises:
        ReaderError: There is no such network, or a file of it is missing or damaged.
    """
    if name not in (known := names(folder)):
        raise unknown_name("network for pages", name, known)
    try:
        plan: dict[str, Any] = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        return Live(plan, (folder / f"{name}.bin").read_bytes())
    except (OSError, ValueError) as error:
        raise ReaderError(f"The exported network {name!r} is missing or damaged: reinstall gaplab.") from error


def engine() -> str:
    """Return the engine as the text of an ES module, which exports ``ask``, ``unpackedNetwork`` and its other parts."""
    return joined(ENGINE / "engine.js")


def kernels() -> bytes:
    """Return ``kernels.wasm``."""
    return (ENGINE / "kernels.wasm").read_bytes()


def packed(content: bytes) -> str:
    """Return bytes as base64 of gzip, the same text for the same bytes: what ``unpack`` in the engine reads."""
    return base64.b64encode(gzip.compress(content, 9, mtime=0)).decode("ascii")


def engine_script() -> str:
    """Return a classic script that sets ``gaplabLive.engine``, a function, and ``gaplabLive.wasm``, the kernels.

    ``gaplabLive.engine()`` returns what the module exports. It is a function so that its text can be handed to a Worker
    that is made of a Blob: a page at ``file://`` may start no other.
    """
    text = engine()
    exported = re.findall(r"^export (?:async )?(?:const|let|function|class) (\w+)", text, re.MULTILINE)
    body = re.sub(r"^export ", "", text, flags=re.MULTILINE)
    return (
        f"globalThis.gaplabLive ??= {{}};\n"
        f'globalThis.gaplabLive.wasm = "{packed(kernels())}";\n'
        f"globalThis.gaplabLive.engine = function gaplabEngine() {{\n{body}\nreturn {{ {', '.join(exported)} }};\n}};\n"
    )


def weights_script(name: str) -> str:
    """Return a classic script that sets ``gaplabLive[name]`` to a network's plan and its weights, base64 of gzip.

    Args:
        name: As in `network`.

    Raises:
        ReaderError: As `network`.
    """
    live = network(name)
    value = json.dumps({"plan": live.plan, "weights": packed(live.weights)}, separators=(",", ":"))
    return f"/* {live.plan['licence']} */\n(globalThis.gaplabLive ??= {{}})[{json.dumps(name)}] = {value};\n"


def write_scripts(folder: Path) -> None:
    """Write the scripts of the engine and of every network, and the licence that goes with them.

    Args:
        folder: Gets ``engine.js``, for each network a script of its name, and the licence.
    """
    files.write(folder / "engine.js", engine_script())
    for name in names():
        files.write(folder / f"{name}.js", weights_script(name))
    files.write(folder / LICENCE, (FOLDER / LICENCE).read_bytes())
