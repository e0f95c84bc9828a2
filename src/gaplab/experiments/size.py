"""Experiment 3: trained networks on images of other sizes and of another kind, and what fitting anew buys."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gaplab import models
from gaplab.data import FRAME, digits, place, resize, stratified
from gaplab.experiments.heads import POOLED, kept, shared_rate
from gaplab.experiments.pictures import rescaled
from gaplab.experiments.settings import Settings
from gaplab.experiments.sweep import Result, Row, Run, State, Store
from gaplab.experiments.training_run import garment_pictures, rebuilt, training_run
from gaplab.probes import TINY, pooled, refit_classifier, standardised
from gaplab.training import Labelled, accuracy, fit, judge, refit_batch_norm


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


JITTERED: dict[str, tuple[str, bool]] = {
    "gap": ("gap", False),
    "max": ("max", False),
    "grid": ("grid", False),
    "flatten, resized": ("flatten", True),
    "gap, resized": ("gap", True),
}
"""Head, and whether every image is first scaled to the frame: what a head that takes one size alone must do."""


def jittered(settings: Settings, store: Store) -> list[Run]:
    """List the runs that train on garments of one size or of many, all at one rate, one a way, head and seed."""
    runs, rate = [], shared_rate(settings, store)
    for way, (head, resized) in JITTERED.items():
        for sides in (settings.jitter, ()):
            if resized and not sides:
                continue  # scaled to the one size that they have, images stay as they are
            training = "many sizes" if sides else "one size"
            name = f"{settings.network}-{way.replace(', ', '-')}-{training.replace(' ', '-')}"
            runs += [
                training_run(
                    f"{name}-s{seed}",
                    network={"name": settings.network, "head": head},
                    pictures=garment_pictures(settings, jitter=list(sides), resized=resized),
                    recipe={"epochs": settings.jitter_epochs, "lr": rate},
                    seed=seed,
                    table="jitter_networks",
                    labels={"network": settings.network, "way": way, "head": head, "training": training},
                    keep=True,
                )
                for seed in settings.seeds
            ]
    return runs


def tried_at_sizes(settings: Settings, store: Store) -> list[Run]:
    """List the runs that test those networks at every size; a flattened one gets its images resized."""
    return [
        Run(
            f"sizes-{run.name}",
            try_sizes,
            {
                "network": run.arguments["network"],
                "labels": run.arguments["labels"] | {"seed": run.arguments["seed"]},
                "resized": run.arguments["pictures"]["resized"],
                "sizes": list(settings.sizes),
                "images": settings.size_images,
            },
            needs=run,
        )
        for run in jittered(settings, store)
    ]


def try_sizes(network: Row, labels: Row, resized: bool, sizes: list[int], images: int, state: State) -> Result:
    """Test a network on garments scaled to each size; with ``resized`` they are scaled back to the frame first."""
    model = rebuilt(network, state)
    pictures, targets = stratified("test", images)
    rows = []
    for size in sizes:
        scaled = resize(pictures, size)
        given = rescaled(scaled, FRAME) if resized else scaled
        rows.append({**labels, "size": size, "accuracy": accuracy(model, (given, targets))})
    return Result({"jitter": rows})


def transferred(settings: Settings, store: Store) -> list[Run]:
    """List the runs that teach the kept networks, and fresh ones, digits: one a number of them and rate, or penalty."""
    runs = []
    for run in kept(settings, store):
        head = run.arguments["network"]["head"]
        shared = {"network": run.arguments["network"], "seed": run.arguments["seed"]}
        for count in settings.digits:
            name = f"transfer-{head}-n{count}-s{shared['seed']}"
            sized = shared | {"count": count}
            for penalty in settings.penalties:
                held = sized | {"penalty": penalty}
                runs.append(Run(f"{name}-classifier-p{penalty}", teach_classifier, held, needs=run))
            for rate in settings.rates:
                recipe = sized | {"epochs": settings.digit_epochs, "lr": rate}
                runs.append(Run(f"{name}-whole-lr{rate}", teach_whole, recipe, needs=run))
                runs.append(Run(f"{name}-fresh-lr{rate}", teach_whole, recipe))
    return runs


def teach_classifier(network: Row, seed: int, count: int, penalty: float, state: State) -> Result:
    """Fit the linear classifier alone, from nothing, to handwritten digits.

    It reads standardised vectors: a penalty on the weights would ask more of a head whose vectors are short.
    """
    model = rebuilt(network, state)
    sets = _digit_sets(count, seed)
    linear = model.fc
    assert isinstance(linear, nn.Linear)
    vectors = pooled(model, sets[0][0])
    read, _ = standardised(vectors, vectors)
    blank = nn.Linear(linear.in_features, linear.out_features).double()
    with torch.no_grad():
        for parameter in blank.parameters():
            parameter.zero_()
    fitted = refit_classifier(blank, read, sets[0][1], penalty, steps=300)
    with torch.no_grad():  # the same classifier, for vectors as they are
        given = vectors.cpu().double()
        weight = fitted.weight / (given.std(dim=0) + TINY)
        linear.weight.copy_(weight)
        linear.bias.copy_(fitted.bias - weight @ given.mean(dim=0))
    labels = {"how": "classifier", "seed": seed, "train_size": count, "epochs": 0, "lr": 0.0, "penalty": penalty}
    return _digit_result(model, network | labels, sets)


def teach_whole(network: Row, seed: int, count: int, epochs: int, lr: float, state: State | None = None) -> Result:
    """Train a whole network on handwritten digits, from ``state``, the garments' weights, or else from random ones."""
    model = models.make(**network, seed=seed)
    if state is not None:
        # The classifier starts afresh: it knows garments.
        fresh = {name: value for name, value in model.state_dict().items() if name.startswith("fc.")}
        model.load_state_dict(state | fresh)
    sets = _digit_sets(count, seed)
    fit(model, sets[0], epochs=epochs, lr=lr, seed=seed, evaluate_every=epochs, progress=False)
    refit_batch_norm(model, sets[0][0])  # after a short run the running averages lag behind the weights
    how = "fresh" if state is None else "whole"
    labels = {"how": how, "seed": seed, "train_size": count, "epochs": epochs, "lr": lr, "penalty": 0.0}
    return _digit_result(model, network | labels, sets)


def _digit_sets(count: int, seed: int) -> tuple[Labelled, Labelled, Labelled]:
    """Share out the digits: ``count`` to learn from, drawn by the seed, 200 to choose by, and the last 500 to test."""
    images, labels = digits()
    order = torch.randperm(len(images) - 500, generator=torch.Generator().manual_seed(seed))
    train, validation = order[200 : 200 + count], order[:200]
    rest = torch.arange(len(images) - 500, len(images))
    return (images[train], labels[train]), (images[validation], labels[validation]), (images[rest], labels[rest])


def _digit_result(model: nn.Module, labels: Row, sets: tuple[Labelled, Labelled, Labelled]) -> Result:
    (loss, right), (_, validated), (_, tested) = (judge(model, data) for data in sets)
    row: Row = {
        "network": labels["name"],
        **{name: value for name, value in labels.items() if name != "name"},
        "train_loss": loss,
        "train_accuracy": right,
        "validation_accuracy": validated,
        "test_accuracy": tested,
    }
    return Result({"transfer": [row]})


def _at(images: Tensor, size: int, kind: str) -> Tensor:
    return resize(images, size) if kind == "scaled" else place(images, max(size, FRAME))
