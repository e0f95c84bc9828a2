"""Command line of the long runs: train, measure, and write tables and checkpoints."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from gaplab import evidence, files, weights
from gaplab.data import CELLS, FRAME, SMALL
from gaplab.errors import ReaderError, unknown_name
from gaplab.experiments import depth, heads, nin, position, presence, shift, size, stability
from gaplab.experiments.heads import at_chosen_rates
from gaplab.experiments.pictures import Pictures
from gaplab.experiments.settings import FULL, QUICK, Settings
from gaplab.experiments.sweep import Row, Run, Store, execute, writing
from gaplab.experiments.training_run import rebuilt
from gaplab.training import Recipe, accuracy

Plan = Callable[[Settings, Store], list[Run]]


@dataclass(frozen=True)
class Experiment:
    """Stages, each a list of independent runs that may need earlier ones, and the tables made of their rows."""

    stages: tuple[Plan, ...]
    tables: tuple[str, ...]


EXPERIMENTS = {
    "heads": Experiment((heads.main, heads.grid), ("heads", "heads_history")),
    "whole": Experiment((heads.main, heads.kept), ("whole", "whole_history")),
    "shift": Experiment((heads.main, shift.trained, shift.measured), ("shift",)),
    "position": Experiment(
        (heads.main, shift.trained, position.circular, position.measured), ("position", "shift_networks")
    ),
    "size": Experiment((heads.main, heads.kept, size.measured), ("size",)),
    "jitter": Experiment((heads.main, size.jittered, size.tried_at_sizes), ("jitter", "jitter_networks")),
    "transfer": Experiment((heads.main, heads.kept, size.transferred), ("transfer",)),
    "presence": Experiment((presence.trained, presence.measured), ("presence", "presence_networks")),
    "gradients": Experiment((depth.gradients,), ("gradients",)),
    "degradation": Experiment((depth.degradation,), ("degradation", "degradation_history")),
    "slower": Experiment((depth.slower_classifier,), ("slower_classifier",)),
    "stability": Experiment((stability.stability,), ("stability",)),
    "rescaled": Experiment((stability.rescaled,), ("rescaled",)),
    "nin": Experiment((nin.control,), ("nin_control", "nin_history")),
}
"""In the order of execution: the networks that the chapters load come first."""


def main(arguments: list[str] | None = None) -> int:
    """Run the experiments named on the command line; return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        _run(options)
    except ReaderError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted: finished runs are kept, and the same command goes on from there.", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gaplab.experiments", description=__doc__)
    parser.add_argument("experiments", nargs="*", metavar="EXPERIMENT", help=f"of {', '.join(EXPERIMENTS)}; else all")
    parser.add_argument("--quick", action="store_true", help="prove the whole path in a minute, into a scratch folder")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes on this machine (1)")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster, for example tcp://host:8786")
    parser.add_argument(
        "--work",
        type=Path,
        metavar="FOLDER",
        help="for finished runs, from which an interrupted start goes on (.train, or a new scratch folder if --quick)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FOLDER",
        help="for tables and checkpoints (the package's own, or the scratch folder)",
    )
    return parser


def _run(options: argparse.Namespace) -> None:
    chosen = options.experiments or list(EXPERIMENTS)
    for name in chosen:
        if name not in EXPERIMENTS:
            raise unknown_name("experiment", name, EXPERIMENTS)
    if options.jobs < 1:
        raise ReaderError(f"--jobs is {options.jobs}: give a whole number of 1 or more.")
    settings = QUICK if options.quick else FULL
    package = evidence.FOLDER.parent
    # A quick run proves the path as the code is now, so it starts from nothing unless told where to go on.
    work = options.work or (Path(tempfile.mkdtemp(prefix="gaplab-quick-")) if options.quick else Path(".train"))
    output = options.output or (work / "assets" if options.quick else package)
    if options.quick and output.resolve() == package.resolve():
        raise ReaderError("--quick would overwrite the real evidence: give --output another folder.")
    store = Store(work / "runs")
    for name in chosen:
        experiment = EXPERIMENTS[name]
        for number, stage in enumerate(experiment.stages, 1):
            runs = stage(settings, store)
            label = f"{name} {number}/{len(experiment.stages)}"
            execute(runs, store, jobs=options.jobs, scheduler=options.scheduler, label=label)
        write_tables(experiment, settings, store, output / "evidence")
    publish(settings, store, output / "checkpoints")
    print(f"Tables are in {output / 'evidence'}, checkpoints in {output / 'checkpoints'}.")


def write_tables(experiment: Experiment, settings: Settings, store: Store, folder: Path) -> None:
    """Write an experiment's tables as CSV, one row a run or measured point, in the order of the plan."""
    with writing(folder):
        for table in experiment.tables:
            rows = [row for stage in experiment.stages for row in store.rows(stage(settings, store), table)]
            frame = pd.DataFrame(rows)
            # Six digits are more than any spread over seeds leaves meaning for, and keep the files small.
            files.write(folder / f"{table}.csv", frame.to_csv(index=False, float_format="%.6g"))


def published(settings: Settings, store: Store) -> dict[str, Run]:
    """List the runs whose networks go into the package, by name: all seeds of the main ones, the others' first."""
    first = settings.seeds[0]
    moving = shift.trained(settings, store) + position.circular(settings, store)
    networks = heads.kept(settings, store) + [run for run in moving if run.arguments["seed"] == first]
    chosen = {run.name: run for run in networks}
    for runs, table, mark in (
        (nin.control(settings, store), "nin_control", ""),
        (presence.trained(settings, store), "presence_networks", "-scenes"),
    ):
        if not all(store.has(run) for run in runs):
            continue
        for run in at_chosen_rates(runs, store, table):
            labels = run.arguments["labels"]
            if run.arguments["seed"] == first and labels.get("training") in (None, "always four"):
                chosen[f"{labels['network']}-{labels['head']}{mark}-s{first}"] = run
    return chosen


def publish(settings: Settings, store: Store, folder: Path) -> None:
    """Write the checkpoints that are in the store, with their model cards."""
    if not all(store.has(run) for run in heads.main(settings, store)):
        return
    with writing(folder):
        for name, run in published(settings, store).items():
            if not store.has(run):
                continue
            state, described = store.state(run), {"name": name, **card(run, store)}
            if weights.is_saved(name, state, described, folder):
                continue
            # Measured here, so that every reader can check a checkpoint whatever device it was trained on.
            network = rebuilt(run.arguments["network"], state)
            described["subset_accuracy"] = accuracy(network, weights.subset(described))
            weights.save(name, state, described, folder)


def card(run: Run, store: Store) -> Row:
    """Return what the model card of a finished training run says of its training and testing."""
    record, arguments = store.record(run), run.arguments
    pictures = Pictures.from_json(arguments["pictures"])
    return {
        "network": arguments["network"],
        "data": {
            "name": "Fashion-MNIST",
            "train_images": pictures.train_size,
            "garment_px": SMALL if pictures.planted else pictures.garment,
            "frame_px": CELLS * SMALL if pictures.planted else FRAME,
            "shifted": pictures.shift,
            "transposed": pictures.transpose,
            "planted": list(pictures.planted),
        },
        "recipe": {"schedule": Recipe.schedule, **arguments["recipe"], "batch_size": Recipe.batch_size},
        "seed": arguments["seed"],
        "test_images": pictures.test_size,
        "test_accuracy": record["rows"][arguments["table"]][0]["test_accuracy"],
        "training_seconds": record["seconds"],
        "versions": record["machine"],
        "license": "MIT",
    }


if __name__ == "__main__":
    sys.exit(main())
