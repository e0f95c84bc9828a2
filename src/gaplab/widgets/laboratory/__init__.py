"""The laboratory: question a trained network, which runs in the page itself, about a picture of one's own."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import traitlets
from numpy.typing import NDArray

from gaplab import live
from gaplab.errors import ReaderError
from gaplab.widgets.base import PageWidget, WidgetValueError

Array = NDArray[Any]

EXPERIMENTS = {
    "stages": "Stages",
    "move": "Move it",
    "votes": "Votes",
    "size": "Size",
    "pool": "Pool and gradients",
}
POOLS = {"gap": "average", "max": "maximum", "gem": "GeM", "lse": "log-sum-exp"}
NETWORKS: dict[str, dict[str, Any]] = {
    "garments": {
        "title": "Garments: ResNet-20",
        "name": "resnet20-gap-s0",
        "back": "layer3.1",
        "stages": ["stem", "layer1", "layer2", "layer3"],
        # Chapter 2's networks: trained on garments of 16 px in the middle of the frame.
        "heads": [
            {"title": "GAP", "network": "resnet20-gap-centred-s0", "pool": "gap"},
            {"title": "max", "network": "resnet20-max-centred-s0", "pool": "max"},
            {"title": "flatten", "network": "resnet20-flatten-centred-s0", "pool": "flatten"},
        ],
        "moved": 16,
        "room": 6,
    },
    "photographs": {
        "title": "Photographs: EfficientNet-Lite0",
        "name": "efficientnet_lite0",
        "back": "blocks.6",
        "stages": ["stem", "blocks.0", "blocks.1", "blocks.2", "blocks.3", "blocks.4", "blocks.5", "blocks.6", "map"],
        # One network behind three pools: it was trained behind the average.
        "heads": [
            {"title": "average", "network": "efficientnet_lite0", "pool": "gap"},
            {"title": "GeM, p = 3", "network": "efficientnet_lite0", "pool": "gem"},
            {"title": "maximum", "network": "efficientnet_lite0", "pool": "max"},
        ],
        "moved": 236,
        "room": 6,
    },
}
"""The networks on the desk: by which name pages load them, where the experiments look, and which heads they compare."""
LINKED = {
    "experiment=size": "one network, a picture of 16 to 448 px",
    "experiment=move": "a garment moved by single pixels, and three heads",
    "experiment=votes&network=photographs": "what each position of a photograph votes",
    "experiment=pool&pool=gem": "the gradient behind another pool",
}
"""States that pages link to, as they stand in an address behind ``laboratory.html#lab&``."""
SIDES = (16, 448)
MOST_NOISE = 64
LARGEST = 2048
"""Side of a picture of the reader's own that is taken as it is, in pixels."""


@lru_cache(maxsize=1)
def _scripts() -> dict[str, list[list[Any]]]:
    """What a page loads for each part: files and their sizes in bytes."""
    parts = ("engine", "photographs", *live.names())
    return {part: [[name, len(text.encode())] for name, text in live.scripts(part).items()] for part in parts}


class Laboratory(PageWidget):
    """Put a picture on the table and question a trained network about it; everything is computed in the page.

    On a page the widget loads its network from the scripts beside the site (`gaplab.live.write_scripts`), in a live
    notebook from Python. There every trait can be read and set while the page follows: ``picture``, ``pool``, ``p``,
    ``label``; `show` puts an array on the table, and after each question ``answer`` and `gradient` hold what the
    network said.

    Args:
        garments: Names of garments and their pictures, uint8 ``(28, 28)``.
        experiment: One of `EXPERIMENTS`.
        network: One of `NETWORKS`.
        **state: Other traits of the first state.

    Raises:
        ReaderError: A garment of another size, or a state that does not exist.
    """

    slug: ClassVar[str] = "laboratory"

    networks = traitlets.Dict().tag(sync=True)
    scripts = traitlets.Dict().tag(sync=True)
    experiments: traitlets.List[Any] = traitlets.List().tag(sync=True)
    pools: traitlets.List[Any] = traitlets.List().tag(sync=True)
    garments = traitlets.Bytes().tag(sync=True)
    garment_names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    names: traitlets.List[Any] = traitlets.List().tag(sync=True)
    limits = traitlets.Dict().tag(sync=True)
    experiment = traitlets.Unicode("stages").tag(sync=True)
    network = traitlets.Unicode("garments").tag(sync=True)
    picture = traitlets.Unicode("").tag(sync=True)
    side = traitlets.Int(28).tag(sync=True)
    dx = traitlets.Int(0).tag(sync=True)
    dy = traitlets.Int(0).tag(sync=True)
    pool = traitlets.Unicode("gap").tag(sync=True)
    p = traitlets.Float(3.0).tag(sync=True)
    label = traitlets.Int(-1).tag(sync=True)
    layer = traitlets.Unicode("layer3").tag(sync=True)
    channel = traitlets.Int(-1).tag(sync=True)
    cell = traitlets.Int(-1).tag(sync=True)
    noise = traitlets.Int(0).tag(sync=True)
    seed = traitlets.Int(0).tag(sync=True)
    own = traitlets.Bytes().tag(sync=True)
    own_shape = traitlets.List(traitlets.Int()).tag(sync=True)
    own_turn = traitlets.Int(0).tag(sync=True)
    answer = traitlets.Dict()

    def __init__(
        self,
        garments: Mapping[str, Array],
        experiment: str = "stages",
        network: str = "garments",
        **state: Any,
    ) -> None:
        """Check the garments, then the first state."""
        side = live.network(NETWORKS["garments"]["name"]).plan["picture"]["side"]
        for name, pixels in garments.items():
            if np.asarray(pixels).shape != (side, side):
                raise ReaderError(f"The garment {name!r} is of shape {np.shape(pixels)}: give ({side}, {side}) pixels.")
        if network not in NETWORKS:
            raise ReaderError(f"There is no network {network!r} on the desk: choose one of {', '.join(NETWORKS)}.")
        photographs = sorted(path.stem for path in live.FOLDER.glob("*.webp"))
        plans = {key: live.network(one["name"]).plan for key, one in NETWORKS.items()}
        known = {
            key: one | {"side": plans[key]["picture"]["side"], "channels": plans[key]["picture"]["channels"]}
            for key, one in NETWORKS.items()
        }
        known["garments"]["pictures"] = list(garments)
        known["photographs"]["pictures"] = photographs
        said = dict.fromkeys([*plans["garments"]["classes"], *garments, *photographs, *POOLS.values()])
        own = known[network]
        first = {"picture": own["pictures"][0], "side": own["side"], "layer": own["stages"][-1]}
        super().__init__(
            networks=known,
            scripts=_scripts(),
            experiments=[list(pair) for pair in EXPERIMENTS.items()],
            pools=[list(pair) for pair in POOLS.items()],
            garments=b"".join(np.asarray(pixels, dtype=np.uint8).tobytes() for pixels in garments.values()),
            garment_names=list(garments),
            # As they are known, and as they are said: an edition says them in its language. ImageNet's classes stay.
            names=[{"id": name, "name": name} for name in said],
            limits={"sides": list(SIDES), "noise": MOST_NOISE, "largest": LARGEST},
            network=network,
            experiment=experiment,
            **(first | state),
        )
        self._numbers = np.zeros(0, "<f4")
        self.on_msg(self._receive)

    @traitlets.validate("experiment", "network", "pool", "side", "p", "noise", "picture")
    def _check(self, proposal: Any) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        choices: dict[str, Sequence[str]] = {"experiment": [*EXPERIMENTS], "network": [*NETWORKS], "pool": [*POOLS]}
        if name == "picture":
            pictures = [one for network in self.networks.values() for one in network["pictures"]]
            choices["picture"] = [*pictures, "own"] if pictures else []
        if (known := choices.get(name)) and value not in known:
            raise WidgetValueError(f"{name} is {value!r}: choose one of {', '.join(known)}.")
        if name == "side" and not SIDES[0] <= value <= SIDES[1]:
            raise WidgetValueError(f"side is {value}: choose a whole number from {SIDES[0]} to {SIDES[1]}.")
        if name == "p" and not (value > 0 and math.isfinite(value)):
            raise WidgetValueError(f"p is {value}: choose a number above 0.")
        if name == "noise" and not 0 <= value <= MOST_NOISE:
            raise WidgetValueError(f"noise is {value}: choose a whole number from 0 to {MOST_NOISE}.")
        return value

    def show(self, picture: Array) -> None:
        """Put a picture of one's own on the table.

        Args:
            picture: uint8, ``(H, W)`` or ``(H, W, 3)``; its central square is taken.

        Raises:
            WidgetValueError: It has another shape, or no pixels.
        """
        pixels = np.asarray(picture)
        if pixels.ndim not in (2, 3) or 0 in pixels.shape or pixels.shape[2:] not in ((), (3,)):
            raise WidgetValueError(f"The picture is of shape {pixels.shape}: give (H, W) or (H, W, 3).")
        planes = np.atleast_3d(pixels).transpose(2, 0, 1).astype(np.uint8)
        with self.hold_trait_notifications():
            self.own_shape = list(planes.shape)
            self.own = planes.tobytes()
            self.own_turn += 1
            self.picture = "own"

    @property
    def gradient(self) -> dict[str, Array]:
        """The gradients of the chosen class's logit that the last answer brought, by layer: ``(C, H, W)`` each."""
        start, found = 0, {}
        for name, shape in self.answer.get("gradients", {}).items():
            found[name] = self._numbers[start : start + math.prod(shape)].reshape(shape)
            start += math.prod(shape)
        return found

    def _receive(self, _: Any, content: Any, buffers: Any) -> None:
        """Serve a live notebook's page: give it the scripts, which it has no site for, and take what it says."""
        if not isinstance(content, dict):
            return
        if content.get("load") in self.scripts:
            part = content["load"]
            self.send({"part": part, "texts": list(live.scripts(part).values())})
        elif "answer" in content:
            self._numbers = np.frombuffer(buffers[0], "<f4")
            self.answer = content["answer"]
        elif "own" in content:
            self.own_shape, self.own = content["own"], bytes(buffers[0])

    def describe(self) -> str:
        """Say in words what is on the desk."""
        where = {"own": "your own picture"}.get(self.picture, self.picture)
        network = NETWORKS[self.network]["title"]
        return f"Laboratory, {EXPERIMENTS[self.experiment]}: {network} looks at {where}."

    def fallback(self) -> str:
        """Return the sentence, and what a browser needs, for readers without scripts."""
        linked = "".join(f'<li id="lab&amp;{html.escape(state)}">{text}</li>' for state, text in LINKED.items())
        return (
            f"<p>{html.escape(self.describe())}</p><ul>{linked}</ul>"
            "<p>The network runs in the page: it needs a browser that runs scripts, and no network connection.</p>"
        )
