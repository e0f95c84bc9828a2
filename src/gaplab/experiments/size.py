"""Experiment 3: trained networks on images of other sizes, and what re-fitting buys."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gaplab import models
from gaplab.data import FRAME, place, resize, stratified
from gaplab.experiments.heads import kept
from gaplab.experiments.networks import rebuilt
from gaplab.experiments.settings import Settings
from gaplab.experiments.sweep import Result, Row, Run, State, Store
from gaplab.training import batches, refit_batch_norm

POOLED = ("gap", "max")
"""Heads that take any size."""


def measured(settings: Settings, store: Store) -> list[Run]:
    """List the runs that test kept networks at other sizes, one a network and kind of change."""
    return [
        Run(
            f"size-{kind}-{run.name}",
            change_size,
            {
                "network": run.arguments["network"],
                "labels": run.arguments["labels"] | {"seed": run.arguments["seed"]},
                "kind": kind,
                "sizes": list(sizes),
                "images": settings.size_images,
                "refit_images": settings.refit_images,
            },
            needs=run,
        )
        for kind, sizes in (("scaled", settings.sizes), ("canvas", settings.canvases))
        for run in kept(settings, store)
        if run.arguments["network"]["head"] in POOLED
    ]


def change_size(
    network: Row, labels: Row, kind: str, sizes: list[int], images: int, refit_images: int, state: State
) -> Result:
    """Test a network at several sizes, as it is and re-fitted.

    ``kind`` is ``scaled`` (the garment grows with the image) or ``canvas`` (it keeps its 28 px in the centre of a
    larger black canvas). ``remedy`` says what was fitted anew on training images of that size: ``none``,
    ``batch_norm`` (its statistics), ``classifier`` (the linear layer, by logistic regression from the trained one) or
    ``both``. ``pooled_mean`` is the mean of the pooled vector over images and channels; ``pooled_spread`` is the
    standard deviation over images, averaged over channels.
    """
    train_images, train_labels = stratified("train", refit_images)
    test_images, test_labels = stratified("test", images)
    rows = []
    for size in sizes:
        train, test = (_at(pictures, size, kind) for pictures in (train_images, test_images))
        for refit in (False, True):
            model = rebuilt(network, state)
            if refit:
                refit_batch_norm(model, train)
            features = pooled(model, test)
            shared = {
                "pooled_mean": float(features.mean()),
                "pooled_spread": float(features.std(dim=0).mean()),
            }
            linear = model.fc
            assert isinstance(linear, nn.Linear)
            trained = refit_classifier(linear, pooled(model, train), train_labels)
            for classifier, remedy in (
                (linear, "batch_norm" if refit else "none"),
                (trained, "both" if refit else "classifier"),
            ):
                right = classifier(features).argmax(dim=1).cpu() == test_labels
                rows.append(
                    {**labels, "kind": kind, "size": size, "remedy": remedy, "accuracy": float(right.double().mean())}
                    | shared
                )
    return Result({"size": rows})


def _at(images: Tensor, size: int, kind: str) -> Tensor:
    return resize(images, size) if kind == "scaled" else place(images, max(size, FRAME))


@torch.no_grad()
def pooled(network: nn.Module, images: Tensor) -> Tensor:
    """Return the pooled vectors of images in evaluation mode: ``(N, C)``."""
    network.eval()
    return torch.cat([models.parts(network, batch).pooled for batch in batches(images)])


def refit_classifier(linear: nn.Linear, features: Tensor, labels: Tensor, penalty: float = 1e-3) -> nn.Linear:
    """Fit a linear classifier to pooled vectors by logistic regression, from the trained one; return the new one.

    Args:
        linear: The trained classifier; it is left as it was.
        features: ``(N, C)``.
        labels: int64 ``(N,)``.
        penalty: Weight of half the squared distance from the trained classifier's weights.
    """
    fitted = nn.Linear(linear.in_features, linear.out_features, device=features.device)
    fitted.load_state_dict(linear.state_dict())
    labels = labels.to(features.device)
    optimiser = torch.optim.LBFGS(fitted.parameters(), max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        distance = (fitted.weight - linear.weight.detach()).square().sum()
        loss = F.cross_entropy(fitted(features), labels) + penalty / 2 * distance
        torch.autograd.backward(loss)
        return loss

    optimiser.step(closure)
    return fitted
