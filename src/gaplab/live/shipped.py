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
PIECE = 400_000
"""Characters of a script of weights: a second over a slow network of 3 megabits."""


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
    """Return the engine as the text of an ES module, which exports ``laboratory``, ``ask`` and its other parts."""
    return joined(ENGINE / "laboratory.js")


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


def weights_scripts(name: str) -> dict[str, str]:
    """Return classic scripts, by file name, that set ``gaplabLive[name]`` to a network's plan and weights.

    The weights are base64 of gzip in several pieces, ``weights[0]`` and so on: a page that loads one script after
    another can say how far it is, from the disk as over a network.

    Args:
        name: As in `network`.

    Raises:
        ReaderError: As `network`.
    """
    live = network(name)
    notice = f"/* {live.plan['licence']} */\n"
    here = f"globalThis.gaplabLive[{json.dumps(name)}]"
    plan = json.dumps(live.plan, separators=(",", ":"))
    scripts = {f"{name}.js": f"{notice}globalThis.gaplabLive ??= {{}};\n{here} = {{ plan: {plan}, weights: [] }};\n"}
    text = packed(live.weights)
    for number, start in enumerate(range(0, len(text), PIECE)):
        piece = text[start : start + PIECE]
        scripts[f"{name}.{number}.js"] = f'{notice}{here}.weights[{number}] = "{piece}";\n'
    return scripts


def photographs_script(folder: Path = FOLDER) -> str:
    """Return a classic script that sets ``gaplabLive.photographs``: by name, each as a ``data:`` address.

    At ``file://`` a page may look at the pixels of these, and not at those of a picture in a file of its own.
    """
    found = {
        path.stem: f"data:image/webp;base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"
        for path in sorted(folder.glob("*.webp"))
    }
    return f"(globalThis.gaplabLive ??= {{}}).photographs = {json.dumps(found, separators=(',', ':'))};\n"


def scripts(name: str) -> dict[str, str]:
    """Return the scripts, by file name, that a page loads for ``"engine"``, ``"photographs"`` or a network.

    Args:
        name: One of these, or as in `network`.

    Raises:
        ReaderError: As `network`.
    """
    if name == "engine":
        return {"engine.js": engine_script()}
    if name == "photographs":
        return {"photographs.js": photographs_script()}
    return weights_scripts(name)


def write_scripts(folder: Path) -> None:
    """Write the scripts of the engine, the photographs and every network, and the licence that goes with them.

    Args:
        folder: Gets the scripts and the licence.
    """
    for part in ("engine", "photographs", *names()):
        for name, text in scripts(part).items():
            files.write(folder / name, text)
    files.write(folder / LICENCE, (FOLDER / LICENCE).read_bytes())
