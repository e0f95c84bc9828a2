"""The long runs: their path in small, resuming, a cluster, lost workers, a full disk, and what is measured."""

import functools
import itertools
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import nn

from gaplab import ReaderError, data, evidence, models, probes, training, weights
from gaplab.experiments import depth, heads, pictures, position, shift, size, stability, sweep, training_run
from gaplab.experiments.__main__ import EXPERIMENTS, main, published
from gaplab.experiments.settings import FULL, QUICK
from gaplab.experiments.sweep import Result, Run, Store


def finished(work: Path, name: str) -> tuple[dict, dict]:
    """Return the record and the network of one of the quick path's runs."""
    store = Store(work / "runs")
    run = published(QUICK, store)[name]
    return store.record(run), store.state(run)


def quick(work: Path, *options: str) -> dict[str, str]:
    """Run the quick path in this process and return its tables as text."""
    assert main([*options, "--quick", "--work", str(work)]) == 0
    return tables(work)


def tables(work: Path) -> dict[str, str]:
    return {
        path.stem: path.read_text(encoding="utf-8") for path in sorted((work / "assets" / "evidence").glob("*.csv"))
    }


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The whole quick path, run once on one process."""
    work = tmp_path_factory.mktemp("quick")
    quick(work)
    return work


@pytest.fixture(scope="module")
def scheduler():
    """The address of a Dask cluster with two workers on this machine."""
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        yield cluster.scheduler_address


def test_quick_path_makes_every_table_and_touches_no_shipped_file(whole):
    assert set(tables(whole)) == set(evidence.TABLES)
    assert not list(whole.rglob("*.partial"))
    for text in tables(whole).values():
        assert len(text.splitlines()) > 1


def test_quick_without_a_folder_starts_afresh_in_a_scratch_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    shipped = {path: path.stat().st_mtime_ns for path in evidence.FOLDER.parent.rglob("*")}
    for _ in range(2):
        assert main(["--quick", "gradients"]) == 0
    made = list(tmp_path.glob("gaplab-quick-*/assets/evidence/gradients.csv"))
    assert len(made) == 2
    assert str(made[0].parent) in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in evidence.FOLDER.parent.rglob("*")} == shipped


def test_quick_tables_have_the_columns_of_the_shipped_ones(whole):
    for table in evidence.TABLES:
        made = pd.read_csv(whole / "assets" / "evidence" / f"{table}.csv")
        assert list(made.columns) == list(evidence.load(table).columns)


def test_quick_checkpoints_load_with_complete_cards(whole):
    folder = whole / "assets" / "checkpoints"
    assert "resnet8-gap-s0" in weights.names(folder)
    for name in weights.names(folder):
        network, card = weights.load(name, folder), weights.card(name, folder)
        assert training.accuracy(network, weights.subset(card)) == card["subset_accuracy"]


def test_a_second_start_does_nothing_again(whole):
    before = {path: path.stat().st_mtime_ns for path in (whole / "runs").iterdir()}
    text = tables(whole)
    assert quick(whole, "heads", "gradients") == text
    assert {path: path.stat().st_mtime_ns for path in (whole / "runs").iterdir()} == before


def test_killed_by_process_id_it_goes_on_with_the_same_result(whole, tmp_path):
    command = [sys.executable, "-m", "gaplab.experiments", "rescaled", "--quick", "--work", str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    runs = tmp_path / "runs"
    while len(list(runs.glob("*.json"))) < 3 and process.poll() is None:
        time.sleep(0.05)
    process.kill()
    process.wait()
    done = {path.name: path.stat().st_mtime_ns for path in runs.glob("*.json")}
    assert 3 <= len(done) < 9  # some runs are done, not all
    assert quick(tmp_path, "rescaled") == {"rescaled": tables(whole)["rescaled"]}
    assert all((runs / name).stat().st_mtime_ns == stamp for name, stamp in done.items())


def test_two_processes_give_the_same_tables(whole, tmp_path):
    assert quick(tmp_path, "rescaled", "--jobs", "2") == {"rescaled": tables(whole)["rescaled"]}


@pytest.mark.thorough
def test_dask_cluster_of_two_workers_gives_the_same_tables(whole, scheduler, tmp_path):
    chosen = ("size", "gradients")
    # Rates chosen before, the cluster trains networks and sends them to the workers that measure them.
    store = Store(tmp_path / "runs")
    for path in (whole / "runs").glob("heads-*"):
        shutil.copy(path, store.folder)
    made = quick(tmp_path, *chosen, "--scheduler", scheduler)
    assert made == {table: tables(whole)[table] for name in chosen for table in EXPERIMENTS[name].tables}


def die_once(marker: str, value: int) -> Result:
    """Kill the worker process the first time, so that the run is lost with it."""
    if not Path(marker).exists():
        Path(marker).touch()
        os._exit(1)
    return Result({"numbers": [{"value": value}]})


def test_lost_worker_costs_its_run_which_is_redone(tmp_path):
    store = Store(tmp_path / "runs")
    runs = [Run(f"run-{value}", die_once, {"marker": str(tmp_path / "died"), "value": value}) for value in range(4)]
    sweep.execute(runs, store, jobs=2)
    assert (tmp_path / "died").exists()
    assert store.rows(runs, "numbers") == [{"value": value} for value in range(4)]


def always_dies() -> Result:
    os._exit(1)
    return Result({})


def test_workers_that_keep_dying_give_one_sentence(tmp_path, monkeypatch):
    runs = [Run(f"run-{value}", always_dies, {}) for value in range(2)]
    monkeypatch.setattr(sweep, "ATTEMPTS", 2)
    with pytest.raises(ReaderError, match=r"died 2 times .*lower --jobs"):
        sweep.execute(runs, Store(tmp_path), jobs=2)


@pytest.mark.thorough
def test_lost_dask_worker_costs_its_run_which_is_redone(scheduler, tmp_path):
    store = Store(tmp_path / "runs")
    runs = [Run(f"run-{value}", die_once, {"marker": str(tmp_path / "died"), "value": value}) for value in range(4)]
    sweep.execute(runs, store, scheduler=scheduler)
    assert (tmp_path / "died").exists()
    assert store.rows(runs, "numbers") == [{"value": value} for value in range(4)]


def one_row(value: int) -> Result:
    return Result({"numbers": [{"value": value}]}, {"weight": torch.tensor([float(value)])})


def test_changed_arguments_are_run_again(tmp_path):
    store = Store(tmp_path)
    for value in (1, 2):
        run = Run("same-name", one_row, {"value": value})
        sweep.execute([run], store)
        assert store.rows([run], "numbers") == [{"value": value}]
        assert float(store.state(run)["weight"]) == value


def test_what_another_recipe_made_is_refused(tmp_path):
    store, made, wanted = Store(tmp_path), *(Run("same-name", one_row, {"value": value}) for value in (1, 2))
    sweep.execute([made], store)
    measured = Run("measured", one_row, {"value": 3}, needs=wanted)
    for use in (store.record, store.state, lambda run: store.rows([run], "numbers")):
        with pytest.raises(ReaderError, match="The run same-name, as it is made now, is not in"):
            use(wanted)
    with pytest.raises(ReaderError, match="The run same-name, as it is made now, is not in"):
        sweep.execute([measured], store)
    assert not store.has(measured)


def test_changed_training_runs_again_what_measured_it(whole):
    store = Store(whole / "runs")

    def measurements(settings):
        plans = (size.measured, shift.measured, position.measured)
        return {run.name: run for plan in plans for run in plan(settings, store)}

    before = measurements(QUICK)
    assert all(store.has(run) for run in before.values())
    longer = measurements(replace(QUICK, whole_epochs=QUICK.whole_epochs + 1, shift_epochs=QUICK.shift_epochs + 1))
    assert list(longer) == list(before)
    for name, run in longer.items():
        assert run.arguments == before[name].arguments
        assert store.has(run) == (run.needs is None), name  # an untrained network is probed as before


NETWORKS, SIZE = "gaplab.experiments.training_run", "gaplab.experiments.size"


@pytest.mark.parametrize(
    ("file", "old", "new", "changed"),
    [
        ("training.py", "momentum: float = 0.9", "momentum: float = 0.8", {NETWORKS, SIZE}),
        ("models/heads.py", "HIDDEN = 512", "HIDDEN = 256", {NETWORKS, SIZE}),
        ("experiments/size.py", "order[:200]", "order[:100]", {SIZE}),
        ("training.py", "# a third faster on a CPU", "# faster", set()),
        ("training.py", '"""Train a network in place', '"""Fit a network in place', set()),
        ("experiments/settings.py", "train_size=10000", "train_size=20000", set()),
        ("evidence.py", "means.to_numpy()", "means.abs().to_numpy()", set()),
        ("figures.py", "import", "import this, ", set()),
    ],
)
def test_a_recipe_changes_with_the_code_behind_it_and_with_nothing_else(tmp_path, monkeypatch, file, old, new, changed):
    read = sweep._code.__wrapped__

    def recipes():
        monkeypatch.setattr(sweep, "_code", functools.cache(read))  # what other tests rely on stays in the real cache
        return {module: sweep.recipe.__wrapped__(module) for module in (NETWORKS, SIZE)}

    package = tmp_path / "gaplab"
    shutil.copytree(sweep.PACKAGE, package, ignore=shutil.ignore_patterns("assets", "__pycache__"))
    monkeypatch.setattr(sweep, "PACKAGE", package)
    before = recipes()
    text = (package / file).read_text(encoding="utf-8")
    assert old in text
    (package / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    after = recipes()
    assert {module for module in before if before[module] != after[module]} == changed


def test_half_written_record_counts_as_not_done(tmp_path):
    store, run = Store(tmp_path), Run("half", one_row, {"value": 1})
    sweep.execute([run], store)
    path = tmp_path / "half.json"
    path.write_text(path.read_text(encoding="utf-8")[:40], encoding="utf-8")
    assert not store.has(run)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("file", ["run.json.partial", "run.safetensors.partial"])
def test_full_disk_gives_one_sentence_and_leaves_no_result(tmp_path, file):
    store, run = Store(tmp_path), Run("run", one_row, {"value": 1})
    (tmp_path / file).symlink_to("/dev/full")
    with pytest.raises(ReaderError, match="the disk is full: free some space and start again") as caught:
        sweep.execute([run], store)
    assert "\n" not in str(caught.value)
    assert not store.has(run)
    (tmp_path / file).unlink()
    sweep.execute([run], store)
    assert store.has(run)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["head"], "no experiment called 'head': did you mean heads or rescaled?"),
        (["--jobs", "0"], "--jobs is 0: give a whole number of 1 or more"),
        (["--quick", "--output", str(evidence.FOLDER.parent)], "would overwrite the real evidence"),
        (["--quick", "gradients", "--scheduler", "tcp://127.0.0.1:9"], "No Dask scheduler answers at"),
        (["--quick", "gradients", "--scheduler", "nonsense"], "No Dask scheduler answers at"),
        (["--quick", "--work", f"{__file__}/here"], "give a folder that can be written to"),
    ],
)
def test_bad_input_gives_one_sentence(options, sentence, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sweep, "SCHEDULER_TIMEOUT", "1s")
    assert main(options) == 1
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert sentence in said
    assert "Traceback" not in said


def test_unfinished_run_and_unknown_table_give_one_sentence(tmp_path, monkeypatch):
    with pytest.raises(ReaderError, match="start the experiment that makes it first"):
        Store(tmp_path).record(Run("absent", one_row, {"value": 1}))
    with pytest.raises(ReaderError, match="no table of evidence called 'shifts': did you mean shift"):
        evidence.load("shifts")
    monkeypatch.setattr(evidence, "FOLDER", tmp_path)
    with pytest.raises(ReaderError, match="missing or damaged"):
        evidence.load("shift")


# What the shipped tables hold


@pytest.mark.parametrize("table", evidence.TABLES)
def test_shipped_table_has_seeds_and_is_explained(table):
    frame = evidence.load(table)
    explained = (evidence.FOLDER / "README.md").read_text(encoding="utf-8")
    assert f"`{table}.csv`" in explained
    for column in frame.columns:
        assert f"`{column}`" in explained, f"{table}.{column} is not explained"
    assert frame["seed"].nunique() >= 3


@pytest.mark.parametrize("table", [table for table in evidence.TABLES if "lr" in evidence.load(table)])
def test_every_network_and_head_got_the_same_rates_five_at_least(table):
    frame = evidence.load(table)
    if table in ("whole", "whole_history") or (table.endswith("_networks") and frame["lr"].nunique() == 1):
        rate = evidence.common_rate(evidence.load("heads").query("network == 'resnet20'"), ["head"])
        assert frame["lr"].unique().tolist() == [rate]
        return
    frame = frame[frame["lr"] > 0]  # a logistic regression has no learning rate
    tried = frame.groupby("network")["lr"].unique().map(sorted)
    for (network, _), own in frame.groupby(["network", "head"]):
        assert sorted(own["lr"].unique()) == tried[network]
    assert tried.map(len).min() >= (4 if table == "rescaled" else 5)


def test_no_accuracy_that_is_compared_lies_at_the_edge_of_its_rates():
    for table, by in (("heads", ["network", "train_size", "head"]), ("nin_control", ["network", "head"])):
        for combination, runs in evidence.load(table).groupby(by):
            chosen = evidence.choose(runs)
            inside = sorted(runs["lr"].unique())[1:-1]
            assert not chosen.at_edge or any(rate[0] in inside for rate in chosen.ties), combination


def test_shipped_networks_are_those_that_the_tables_measured():
    """One experiment made anew alone would write new networks beside the other tables' old numbers."""
    tables = pd.concat(
        [evidence.load(table) for table in ("whole", "shift_networks", "nin_control", "presence_networks")]
    )
    found = set(tables[["network", "head", "seed", "lr", "test_accuracy"]].itertuples(index=False, name=None))
    for name, card in weights.cards().items():
        made = (*(card["network"][key] for key in ("name", "head")), card["seed"], card["recipe"]["lr"])
        assert (*made, card["test_accuracy"]) in found, name


def test_shipped_grid_is_whole():
    table = evidence.load("heads")
    grid = table[table["network"] == FULL.small_network]
    for count, (epochs, seeds) in FULL.grid.items():
        for head in heads.ENDINGS:
            for rate in FULL.grid_rates:
                found = grid[(grid["train_size"] == count) & (grid["head"] == head) & (grid["lr"] == rate)]
                assert found["seed"].tolist() == list(seeds)
                assert found["epochs"].unique().tolist() == [epochs]


def test_slower_classifiers_were_trained_with_every_pair_of_rates_and_every_seed():
    runs = evidence.load("slower_classifier")
    depths = [f"resnet{depth}" for depth in FULL.degradation_depths]
    factors = [1.0, *(round(factor, 4) for factor in FULL.slower_factors)]
    planned = itertools.product(depths, heads.POOLED, FULL.slower_rates, factors, FULL.more_seeds)
    found = runs.round({"classifier_rate": 4})[["network", "head", "lr", "classifier_rate", "seed"]]
    assert sorted(found.itertuples(index=False, name=None)) == sorted(planned)
    assert runs["epochs"].unique().tolist() == [FULL.degradation_epochs]
    assert runs["train_size"].unique().tolist() == [FULL.degradation_size]


# What the measurements mean


def test_learning_rates_are_chosen_on_images_that_no_run_learns_from():
    for settings in (FULL, QUICK):
        learned = (
            settings.train_size,
            settings.brief_size,
            settings.degradation_size,
            settings.scene_size,
            *settings.grid,
        )
        per_class = max(learned) // 10
        assert settings.validation_from >= per_class


def test_random_shifts_are_placements_within_the_room():
    images, _ = data.garments("test", 10, data.SMALL)
    small = data.resize(data.stratified("test", 10)[0], data.SMALL)
    everywhere = {(dx, dy): data.place(small, data.FRAME, dx, dy) for dx in range(-6, 7) for dy in range(-6, 7)}
    augment = pictures.shift_at_random(data.ROOM)
    draws = torch.Generator().manual_seed(0)
    seen = set()
    for _ in range(20):
        for index, image in enumerate(augment(images, draws)):
            seen |= {move for move, placed in everywhere.items() if torch.equal(placed[index], image)}
    assert len(seen) > 80  # of 169, in 200 draws
    assert {dx for dx, _ in seen} == set(range(-6, 7)) == {dy for _, dy in seen}


def test_each_batch_is_scaled_to_one_of_the_sides_as_a_test_image_is():
    images = data.normalise(data.stratified("test", 10)[0])
    draws = torch.Generator().manual_seed(0)
    seen = {tuple(pictures.scale_at_random((20, 48))(images, draws).shape[-2:]) for _ in range(20)}
    assert seen == {(20, 20), (48, 48)}
    expected = data.normalise(data.resize(data.stratified("test", 10)[0], 20))
    torch.testing.assert_close(pictures.scale_at_random((20,))(images, draws), expected, rtol=0, atol=1e-4)
    back = pictures.scale_at_random((20,), 28)(images, draws)
    torch.testing.assert_close(back, pictures.rescaled(expected, 28), rtol=0, atol=1e-4)


def test_pictures_are_those_that_they_say():
    asked = pictures.Pictures(20, 20, validation_size=10, validation_from=30, garment=16, transpose=True)
    train, validation, test, augment = pictures.sets(asked, seed=0)
    assert augment is None
    assert torch.equal(train[0].mT, data.garments("train", 20, 16)[0])
    assert torch.equal(validation[0].mT, data.garments("train", 10, 16, skip=30)[0])
    assert torch.equal(test[0].mT, data.garments("test", 20, 16)[0])
    scenes = pictures.sets(pictures.Pictures(20, 20, planted=(4,)), seed=3)
    assert scenes.validation is None
    assert torch.equal(scenes.train[0], data.scenes("train", 20, (4,), seed=3)[0])


def test_stored_network_is_rounded_and_the_rounded_one_is_measured(whole):
    record, state = finished(whole, "resnet8-gap-s0")
    assert {str(value.dtype) for value in state.values()} == {"torch.float16", "torch.float32", "torch.int64"}
    network = training_run.rebuilt(record["arguments"]["network"], state)
    images = data.garments("test", QUICK.test_size)
    assert training.accuracy(network, images) == record["rows"]["whole"][0]["test_accuracy"]


def test_shift_table_is_zero_at_the_centre_and_counts_agreement(whole):
    table = pd.read_csv(whole / "assets" / "evidence" / "shift.csv")
    centre = table[(table["dx"] == 0) & (table["dy"] == 0)]
    assert (centre[["pooled_drift", "logit_drift"]] == 0).all(axis=None)
    assert (centre["agreement"] == 1).all()
    assert len(table) == 10 * 13 * 13
    moved = table[(table["dx"] == 3) & (table["dy"] == -2)].iloc[0]
    _, state = finished(whole, "resnet8-gap-centred-s0")
    network = training_run.rebuilt({"name": "resnet8", "head": "gap"}, state)
    pictures, labels = data.stratified("test", QUICK.shift_images)
    small = data.resize(pictures, 16)
    here, there = (training.predict(network, data.place(small, 28, *move)).cpu() for move in ((0, 0), (3, -2)))
    assert moved["accuracy"] == pytest.approx(float((there.argmax(1) == labels).double().mean()), abs=1e-5)
    spread = float((here - here.mean(dim=0)).norm(dim=1).mean())
    assert moved["logit_drift"] == pytest.approx(float((there - here).norm(dim=1).mean()) / spread, rel=1e-3)


def test_unchanged_size_gives_the_networks_own_accuracy(whole):
    table = pd.read_csv(whole / "assets" / "evidence" / "size.csv")
    own = table[(table["size"] == 28) & (table["remedy"] == "none") & (table["head"] == "gap")]
    network = training_run.rebuilt({"name": "resnet8", "head": "gap"}, finished(whole, "resnet8-gap-s0")[1])
    test = data.stratified("test", QUICK.size_images)
    assert own["accuracy"].tolist() == pytest.approx([training.accuracy(network, test)] * 2)
    pooled = probes.pooled(network, test[0])
    assert own["pooled_mean"].tolist() == pytest.approx([float(pooled.mean())] * 2, rel=1e-4)


def test_gradient_at_the_last_block_is_the_one_on_paper():
    rows = depth.gradient_by_block("residual", "he", 8, seed=0, images=10).rows["gradients"]
    assert [row["stage"] for row in rows] == [1, 2, 3]
    network = models.build("resnet8", "gap", seed=0)
    images, labels = data.stratified("train", 10)
    logits = network(data.normalise(images))
    # Behind a GAP head every one of the 49 positions gets (softmax - one hot) W / 49.
    error = logits.softmax(dim=1).detach().cpu() - nn.functional.one_hot(labels, 10)
    per_position = error @ network.fc.weight.detach().cpu() / 49
    expected = (per_position.norm(dim=1) * math.sqrt(49)).mean()
    assert rows[-1]["activation_gradient"] == pytest.approx(float(expected), rel=1e-4)


def test_rescaled_factors_reach_the_pool_and_nothing_else():
    arguments = {
        "network": {"name": "resnet8", "head": "max"},
        "pictures": {"train_size": 100, "test_size": 10},
        "recipe": {"epochs": 1, "lr": 0.03, "schedule": "constant"},
    } | {"seed": 0, "table": "rescaled", "labels": {}}
    plain, ones, shorter, smaller = (
        training_run.train_network(**arguments, rescale=rescale, refit=50).rows["rescaled"][0]["train_loss"]
        for rescale in (
            None,
            {"value": 1.0, "gradient": 1.0},
            {"value": 1.0, "gradient": 1 / 7},
            {"value": 1 / 7, "gradient": 1 / 7},
        )
    )
    assert ones == pytest.approx(plain, rel=1e-4)
    assert len({round(loss, 3) for loss in (plain, shorter, smaller)}) == 3
    assert stability.RESCALED["max / 7"] == (1 / 7, 1 / 7)
    assert stability.RESCALED["max, gradient / 7"] == (1.0, 1 / 7)


def test_shipped_rescaled_runs_are_whole_and_match_the_plain_ones():
    table, plain = evidence.load("rescaled"), evidence.load("stability")
    for layers, variant in itertools.product(FULL.rescaled_depths, stability.RESCALED):
        found = table[(table["network"] == f"resnet{layers}") & (table["variant"] == variant)]
        if layers != FULL.rescaled_depths[0] and not any(variant in pair for pair in stability.EQUALLY_LONG):
            assert found.empty
            continue
        pairs = list(zip(found["lr"], found["seed"], strict=True))
        assert pairs == [(rate, seed) for rate in FULL.rescaled_rates for seed in FULL.seeds]
    for column in ("train_size", "epochs"):
        assert table[column].unique().tolist() == plain[column].unique().tolist()
    # Unchanged factors are the plain head, trained again: the same seeds, images and rates.
    for layers, head in itertools.product(FULL.rescaled_depths, ("gap", "max")):
        same = plain[(plain["head"] == head) & (plain["classifier_rate"] == 1)]
        both = same[same["network"] == f"resnet{layers}"].merge(
            table[table["variant"] == head], on=["network", "lr", "seed"]
        )
        assert len(both) == len(FULL.rescaled_rates) * len(FULL.seeds)
        if (layers, head) == (56, "max"):
            continue  # it breaks down at all of these rates, and no two such runs are alike
        calm = both[both["lr"] <= 0.03]
        assert (calm["train_loss_x"] - calm["train_loss_y"]).abs().mean() < 0.3


def test_digits_are_shared_out_without_overlap_and_a_new_classifier_learns_them():
    train, validation, test = size._digit_sets(50, seed=0)
    assert [len(labels) for _, labels in (train, validation, test)] == [50, 200, 500]
    images = torch.cat([part[0].flatten(1) for part in (train, validation, test)])
    assert len(torch.unique(images, dim=0)) == len(images)
    state = training_run.rounded(models.build("resnet8", "flatten", seed=0))
    arguments = {"network": {"name": "resnet8", "head": "flatten"}, "seed": 0, "count": 50, "state": state}
    row = size.teach_classifier(**arguments, penalty=1e-3).rows["transfer"][0]
    assert row["train_accuracy"] > 0.9
    assert row["test_accuracy"] > 0.3


def test_a_frozen_head_whose_vectors_are_short_pays_no_more_for_its_classifier(monkeypatch):
    state = training_run.rounded(models.build("resnet8", "flatten", seed=0))
    arguments = {"network": {"name": "resnet8", "head": "flatten"}, "seed": 0, "count": 50, "state": state}

    def scaled(network, state):
        model = training_run.rebuilt(network, state)
        model.pool = models.Rescaled(model.pool, value=0.01)
        return model

    loss = size.teach_classifier(**arguments, penalty=0.1).rows["transfer"][0]["train_loss"]
    monkeypatch.setattr(size, "rebuilt", scaled)
    short = size.teach_classifier(**arguments, penalty=0.1).rows["transfer"][0]["train_loss"]
    assert short == pytest.approx(loss, rel=0.02)
    assert loss > 0.001  # so large a penalty is felt


def test_a_taught_network_starts_from_the_garments_and_a_fresh_one_does_not():
    arguments = {"network": {"name": "resnet8", "head": "gap"}, "seed": 0, "count": 50, "epochs": 1, "lr": 1e-9}
    other = training_run.rounded(models.build("resnet8", "gap", seed=5))
    whole, fresh, same = (
        size.teach_whole(**arguments, state=state).rows["transfer"][0]
        for state in (other, None, training_run.rounded(models.build("resnet8", "gap", seed=0)))
    )
    assert (whole["how"], fresh["how"]) == ("whole", "fresh")
    assert same["train_loss"] == pytest.approx(fresh["train_loss"], abs=1e-4)
    assert abs(whole["train_loss"] - fresh["train_loss"]) > 1e-3


def test_presence_counts_what_was_planted(whole):
    table = pd.read_csv(whole / "assets" / "evidence" / "presence.csv")
    assert set(zip(table["planted"], table["side"], strict=True)) == {
        (1, 16), (2, 16), (4, 16), (9, 16), (1, 12), (1, 10), (1, 8), (1, 6)
    }  # fmt: skip
    network = weights.load("resnet8-max-scenes-s0", whole / "assets" / "checkpoints")
    images, labels = data.scenes("test", QUICK.scene_images, (4,), seed=1)
    own = table[(table["head"] == "max") & (table["training"] == "always four") & (table["planted"] == 4)].iloc[0]
    assert own["accuracy"] == pytest.approx(training.accuracy(network, (images, labels)), abs=1e-5)
    logits = training.predict(network, images).cpu().double()
    right = logits[torch.arange(len(labels)), labels]
    assert own["logit"] == pytest.approx(float((right - logits.mean(dim=1)).mean()), rel=1e-3, abs=1e-5)
    assert own["margin"] < own["logit"]


def test_probe_finds_a_position_that_is_there_and_none_that_is_not(monkeypatch):
    labels = {"seed": 0}
    network = {"name": "resnet8", "head": "gap"}
    monkeypatch.setattr(position, "pooled", lambda _, images: _centre_of_mass(images))
    found = position.probe(network, labels, 500).rows["position"][0]
    assert found["r2"] > 0.8
    assert found["cell_accuracy"] > 0.7
    assert found["error_px"] < 0.5 * found["chance_error_px"]
    monkeypatch.setattr(position, "pooled", lambda _, images: torch.rand(len(images), 8, generator=_draws()))
    missed = position.probe(network, labels, 500).rows["position"][0]
    assert abs(missed["r2"]) < 0.1
    assert missed["cell_accuracy"] == pytest.approx(missed["chance_accuracy"], abs=0.08)
    assert missed["error_px"] == pytest.approx(missed["chance_error_px"], rel=0.05)


def _centre_of_mass(images: torch.Tensor) -> torch.Tensor:
    mass = images.sum(dim=(1, 2, 3))
    axis = torch.arange(images.shape[-1], dtype=torch.float32)
    return torch.stack([(images.sum(dim=keep)[:, 0] * axis).sum(dim=1) / mass for keep in (2, 3)], dim=1)


def _draws() -> torch.Generator:
    return torch.Generator().manual_seed(5)


def test_probe_is_tested_on_other_garments_in_other_places():
    (train, train_places), (test, test_places) = (
        position._scattered(split, 200, seed=0) for split in ("train", "test")
    )
    assert not torch.equal(train, test)
    assert not torch.equal(train_places, test_places)
    assert {float(x) for x in train_places.flatten()} == set(range(-6, 7))
    index = int((train_places.abs().sum(dim=1) == train_places.abs().sum(dim=1).max()).nonzero()[0])
    expected = data.place(
        data.resize(data.stratified("train", 200)[0][index][None], 16), 28, *map(int, train_places[index])
    )
    assert torch.equal(train[index], expected[0])


def test_position_cells_are_thirds_of_the_frame():
    places = torch.tensor([[-6, -6], [-2, -2], [-1, 0], [2, 3], [6, 6], [6, -6]], dtype=torch.float64)
    assert position._cell(places).tolist() == [0, 0, 4, 7, 8, 2]


def test_variants_of_the_shift_experiment_differ_as_named(whole):
    store = Store(whole / "runs")
    by_variant = {}
    for run in shift.trained(QUICK, store):
        by_variant.setdefault(run.arguments["labels"]["variant"], []).append(run.arguments)
    for option, variant in (("shift", "shifted"), ("transpose", "transposed")):
        for name, all_of in by_variant.items():
            assert all(bool(a["pictures"].get(option)) == (name == variant) for a in all_of)
    assert all(
        ("antialias" in a["network"]) == (v == "antialiased") for v, all_of in by_variant.items() for a in all_of
    )


def test_records_say_what_they_were_made_with(whole):
    record, _ = finished(whole, "resnet8-gap-s0")
    assert record["machine"]["torch"] == torch.__version__.split("+")[0]
    assert record["seconds"] > 0
