"""`save` and `load`: models, trainers, results and detectors come back with all that belongs to them."""

from __future__ import annotations

import json
import os
import pickle
import random
import subprocess
import sys
from collections import OrderedDict
from dataclasses import asdict, fields
from types import SimpleNamespace

import numpy as np
import pytest
import safetensors
import safetensors.torch
import torch
from torch import nn

import trainers
from data import DataSet
from trainers import BatchedTrainer, Block, Hyperparameter, LSTMAutoencoder, Run, Trainer, benchmark
from trainers.detection import AnomalyDetector
from trainers.torch_utils import copy_state

from .contract import same, skip_without_bfloat16
from .detection.detectors import small, wave
from .test_batched_trainer import WILD
from .untrusted import HOSTILE


class Net(nn.Module):
    """A model with tied weights, a frozen parameter and buffers of both kinds."""

    def __init__(self, width=3):
        super().__init__()
        self.inner = nn.Linear(1, width)
        self.outer = nn.Linear(width, 1)
        self.outer.weight = nn.Parameter(torch.ones(1, width))
        self.tied = self.inner
        self.frozen = nn.Parameter(torch.rand(1), requires_grad=False)
        self.register_buffer("mean", torch.rand(1))
        self.register_buffer("scale", torch.rand(1), persistent=False)
        self.register_buffer("count", torch.tensor(3))
        self.register_buffer("low", torch.rand(2).bfloat16())
        self.register_buffer("none", torch.empty(0))

    def forward(self, x):
        return self.outer(self.tied(x - self.mean) * self.scale) + self.frozen


class BlockNet(Block, nn.Module):
    width = Hyperparameter(3, "units", minimum=1, read_only=True)
    slope = Hyperparameter(0.1, "slope of the activation", minimum=0)

    def __init__(self, *, name=None, **hyperparameters):
        super().__init__(name=name, **hyperparameters)
        self.inner, self.outer = nn.Linear(1, self.width), nn.Linear(self.width, 1)

    def forward(self, x):
        return self.outer(nn.functional.leaky_relu(self.inner(x), self.slope))


class LazyNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner, self.outer = nn.LazyLinear(3), nn.LazyLinear(1)

    def forward(self, x):
        return self.outer(self.inner(x))


class Averaging(Trainer):
    """A custom trainer with further state: plain steps, and a mean of the weights."""

    step = Hyperparameter(0.05, "step length", above=0)

    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        self.mean = copy_state(self.model)

    def doEpoch(self, model):
        super().doEpoch(model)
        # global noise of all three generators
        noise = random.random() + np.random.rand() + float(torch.rand(1))
        loss = nn.functional.l1_loss(model(self.train_inputs + 0.01 * noise), self.train_targets)
        loss.backward()
        with torch.no_grad():
            for parameter in (one for one in model.parameters() if one.requires_grad):
                parameter -= self.step * parameter.grad
                parameter.grad = None
        for name, tensor in copy_state(model).items():
            self.mean[name] = 0.5 * self.mean[name] + 0.5 * tensor
        self.record(train_loss=loss.item(), validation_loss=loss.item())
        return model

    def state_dict(self):
        return {**super().state_dict(), "mean": self.mean}

    def load_state_dict(self, state):
        super().load_state_dict(state)
        self.mean = state["mean"]


class Counting(BatchedTrainer):
    """A subclass of `BatchedTrainer` with further state."""

    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        self.epochs = 0
        self.seen = {}

    def doEpoch(self, model):
        self.epochs += 1
        self.seen[self.epochs] = (np.arange(self.epochs), "epoch", None)
        return super().doEpoch(model)

    def state_dict(self):
        return {**super().state_dict(), "epochs": self.epochs, "seen": self.seen}

    def load_state_dict(self, state):
        super().load_state_dict(state)
        self.epochs, self.seen = state["epochs"], state["seen"]


def huber(outputs, targets):
    return nn.functional.huber_loss(outputs, targets, delta=0.3)


def forbidden(*_, **__):
    raise AssertionError("pickle was used")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "saved"


def around(thing, path, **given):
    """Save and load without pickle."""
    with pytest.MonkeyPatch.context() as patch:
        for owner, names in ((pickle, ("load", "loads", "dump", "dumps")), (torch, ("load", "save"))):
            for name in names:
                patch.setattr(owner, name, forbidden)
        trainers.save(thing, path)
        return trainers.load(path, **given)


def in_new_process(code, *arguments):
    """Run code in a new process, and return what it printed."""
    command = [sys.executable, "-W", "error", "-c", "import torch; torch.set_num_threads(1)\n" + code, *arguments]
    ended = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


def frozen(model):
    return [name for name, parameter in model.named_parameters() if not parameter.requires_grad]


def changed(path, edit):
    """Edit the content of a file, and write it with the right checksum."""
    with safetensors.safe_open(path, "pt") as file:
        tensors, text = {name: file.get_tensor(name) for name in file.keys()}, file.metadata()["content"]  # noqa: SIM118
    whole = json.loads(text)
    edit(whole["content"])
    text = json.dumps(whole)
    module = trainers.checkpoint_file
    metadata = {"format": module.FORMAT, "version": "1", "content": text, "sha256": module._checksum(text, tensors)}
    safetensors.torch.save_file(tensors, path, metadata)


# ---------------------------------------------------------------------- models


def test_own_model_comes_back_by_name(path):
    options = {"dropout": 0.2, "decoding": "encdec-ad", "patch_size": 3}
    model = LSTMAutoencoder(n_features=2, hidden_size=4, name="mine <b>", **options)
    loaded = around(model, path)
    assert type(loaded) is LSTMAutoencoder
    assert (loaded.name, loaded.hyperparameters) == (model.name, model.hyperparameters)
    assert same(copy_state(loaded), copy_state(model))
    assert model.training
    assert not loaded.training


@pytest.mark.parametrize("give", [Net, lambda: Net(3), Net()])
def test_custom_model_is_given_as_class_function_or_instance(path, give):
    model = Net()
    model.inner.bias.requires_grad_(False)
    loaded = around(model, path, model=give)
    assert same(copy_state(loaded), copy_state(model))
    assert loaded.tied is loaded.inner
    assert frozen(loaded) == frozen(model) == ["frozen", "inner.bias"]
    assert loaded.low.dtype == torch.bfloat16
    assert "scale" not in loaded.state_dict()
    if isinstance(give, nn.Module):
        assert loaded is give


def test_block_model_gets_hyperparameters_and_name_of_file(path):
    loaded = around(BlockNet(width=5, slope=0.3, name="five"), path, model=BlockNet)
    assert (loaded.name, loaded.width, loaded.slope) == ("five", 5, 0.3)


def test_block_model_with_other_hyperparameters_is_refused(path):
    trainers.save(BlockNet(slope=0.3), path)
    given = BlockNet(slope=0.2)
    before = copy_state(given)
    with pytest.raises(ValueError, match=r"model must have the hyperparameters of the file, .*0\.3.*, got .*0\.2"):
        trainers.load(path, model=given)
    assert same(copy_state(given), before)


@pytest.mark.parametrize("built", [True, False])
def test_lazy_model_is_built_by_loading(path, built):
    model, given = LazyNet(), LazyNet()
    x = torch.rand(2, 5, 1)
    y = model(x)
    if built:
        given(x)
    loaded = around(model, path, model=given)
    assert torch.equal(loaded(x), y)


def test_compiled_model_is_saved_without_wrapper(path):
    model = LSTMAutoencoder(hidden_size=3)
    loaded = around(torch.compile(model, backend="eager"), path)
    assert type(loaded) is LSTMAutoencoder
    wrapped = torch.compile(LSTMAutoencoder(hidden_size=3, seed=9), backend="eager")
    assert trainers.load(path, model=wrapped) is wrapped
    assert same(copy_state(wrapped), copy_state(model))


def test_model_of_other_sizes_is_refused_and_unchanged(path):
    trainers.save(Net(3), path)
    given = Net(4)
    before = copy_state(given)
    with pytest.raises(ValueError, match=r"inner.weight of the model Net must have shape \(3, 1\).*got shape \(4, 1\)"):
        trainers.load(path, model=given)
    assert same(copy_state(given), before)
    with pytest.raises(ValueError, match="must have the tensors of the file, got differences"):
        trainers.load(path, model=LSTMAutoencoder)


# ---------------------------------------------------------------------- trainers


def masked_and_padded(beats, features=1):
    """Return data sets with masked values and sequences of different lengths."""
    sets = []
    for part in beats:
        sequences = part.sequences.repeat(1, 1, features) * torch.arange(1.0, features + 1)
        lengths = torch.arange(len(part)) % 6 + 15
        mask = (torch.arange(20) < lengths[:, None])[..., None].repeat(1, 1, features)
        mask[:, 3] = False
        sets.append(DataSet(sequences.masked_fill(~mask, 0.0), mask=mask, lengths=lengths))
    return sets


MODELS = {
    "dropout": lambda: LSTMAutoencoder(hidden_size=4, dropout=0.3),
    "two features": lambda: LSTMAutoencoder(n_features=2, hidden_size=4, decoding="encdec-ad"),
    "tied": Net,
    "block": lambda: BlockNet(slope=0.2),
    "lazy": LazyNet,
    "compiled": lambda: torch.compile(BlockNet(), backend="eager"),
    "bfloat16": lambda: LSTMAutoencoder(hidden_size=4),
}


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("masked", [False, True])
def test_trainer_in_mid_run_goes_on_as_without_saving(beats, path, kind, masked):
    features = 2 if kind == "two features" else 1
    sets = masked_and_padded(beats, features) if masked else [part.sequences.repeat(1, 1, features) for part in beats]
    precision = "bfloat16" if kind == "bfloat16" else "float32"
    if kind == "bfloat16":
        skip_without_bfloat16()
    torch.manual_seed(3)
    trainer = BatchedTrainer(MODELS[kind](), precision=precision, optimizer_state="restore", lr_factor=0.9, **WILD)
    trainer.setDataSets(*sets)
    for _ in range(3):
        trainer.doEpoch(trainer.model)
    trainers.save(trainer, path)
    given = {} if type(trainer.model) is LSTMAutoencoder else {"model": MODELS[kind]()}
    loaded = trainers.load(path, data=tuple(sets), **given)
    assert (loaded.history, loaded.hyperparameters) == (trainer.history, trainer.hyperparameters)
    assert (loaded.train_set is None, loaded.name) == (False, trainer.name)
    for one in (trainer, loaded):
        for _ in range(3):
            one.doEpoch(one.model)
        one.finalizeTraining(one.model)
    assert loaded.history == trainer.history
    assert same(copy_state(loaded.model), copy_state(trainer.model))
    assert same(loaded.reached_state(), trainer.reached_state())


def test_all_state_of_a_trainer_comes_back(beats, path):
    trainer = BatchedTrainer(LSTMAutoencoder(hidden_size=4, name="net"), name="mine", **WILD)
    benchmark(trainer, *beats, epochs=5)
    torch.rand(7)
    random.random()
    np.random.rand(2)
    before = [torch.get_rng_state(), random.getstate(), np.random.get_state()]
    trainers.save(trainer, path)
    torch.manual_seed(1)
    random.seed(1)
    np.random.seed(1)
    loaded = trainers.load(path, data=beats)
    after = [torch.get_rng_state(), random.getstate(), np.random.get_state()]
    assert torch.equal(before[0], after[0])
    assert before[1] == after[1]
    np.testing.assert_equal(after[2], before[2])
    assert (loaded.name, loaded.model.name, loaded.history.name) == ("mine", "net", "mine")
    assert loaded.finalized
    assert [row.seconds for row in loaded.history] == [row.seconds for row in trainer.history]
    # what is written again is what was read
    np.testing.assert_equal(plain(loaded.state_dict()), plain(trainer.state_dict()))
    results = [benchmark(one, epochs=3, resume=True) for one in (trainer, loaded)]
    assert results[0].history == results[1].history
    np.testing.assert_equal(plain(loaded.state_dict()), plain(trainer.state_dict()), "wall times are not compared")


def plain(value):
    """Return a state with arrays instead of tensors, and without wall times."""
    if isinstance(value, torch.Tensor):
        return value.detach().float().numpy()
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items() if key != "seconds"}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    # PyTorch's version is of a class of its own
    return str(value) if isinstance(value, str) else value


@pytest.mark.parametrize("kind", [Averaging, Counting])
def test_custom_trainer_is_given_as_class_function_or_instance(beats, path, kind):
    settings = {"step": 0.1} if kind is Averaging else WILD
    trainer = kind(Net(), **settings)
    benchmark(trainer, *beats, epochs=3)
    trainers.save(trainer, path)
    results, states = [], []
    for number, give in enumerate([kind, lambda *args, **more: kind(*args, **more), kind(Net(), **settings), trainer]):
        loaded = trainers.load(path, trainer=give, data=beats, **({"model": Net} if number < 2 else {}))
        assert type(loaded) is kind
        assert loaded.hyperparameters == trainer.hyperparameters
        results.append(benchmark(loaded, epochs=2, resume=True))
        own = loaded.mean["inner.bias"].tolist() if kind is Averaging else list(loaded.seen.items())
        states.append(repr((own, results[-1].history[-1].validation_loss)))
    assert len(set(states)) == 1
    assert all(same(copy_state(result.model), copy_state(results[0].model)) for result in results)


def test_trainer_instance_with_other_hyperparameters_is_refused_and_unchanged(beats, path):
    trainer = BatchedTrainer(LSTMAutoencoder(hidden_size=4), **WILD)
    benchmark(trainer, *beats, epochs=1)
    trainers.save(trainer, path)
    given = BatchedTrainer(LSTMAutoencoder(hidden_size=4), **{**WILD, "learning_rate": 0.1})
    before = copy_state(given.model)
    with pytest.raises(ValueError, match=r"trainer must have the hyperparameters of the file, .*0\.2.*, got .*0\.1"):
        trainers.load(path, trainer=given)
    assert same(copy_state(given.model), before)
    assert not given.history


def test_custom_loss_is_given_and_its_name_is_checked(beats, path):
    trainer = BatchedTrainer(LSTMAutoencoder(hidden_size=4), **{**WILD, "loss": huber})
    benchmark(trainer, *beats, epochs=2)
    trainers.save(trainer, path)
    with pytest.raises(ValueError, match=r"loss must be the function that the trainer was given: load\(path, loss=…\)"):
        trainers.load(path)
    given = LSTMAutoencoder(hidden_size=4)
    before = copy_state(given)
    with pytest.raises(ValueError, match=r"must be huber, as in the file, got HuberLoss"):
        trainers.load(path, model=given, loss=nn.HuberLoss())
    assert same(copy_state(given), before)
    loaded = trainers.load(path, loss=huber, data=beats)
    assert benchmark(loaded, epochs=2, resume=True).history == benchmark(trainer, epochs=2, resume=True).history


def test_trainer_without_data_cannot_be_trained_until_it_has_data(beats, path):
    trainer = BatchedTrainer(LSTMAutoencoder(hidden_size=4), **WILD)
    for row in Run(trainer, *beats, epochs=4):
        if row.epoch == 2:
            break
    loaded = around(trainer, path)
    with pytest.raises(RuntimeError, match=r"must be called after load\(path, data=\(training, validation\)\)"):
        benchmark(loaded, epochs=2, resume=True)
    assert len(loaded.history) == 2
    assert not loaded.running


def test_untrained_trainer_comes_back(beats, path):
    loaded = around(BatchedTrainer(LSTMAutoencoder(hidden_size=4), **WILD), path)
    assert loaded.train_set is None
    assert (
        benchmark(loaded, *beats, epochs=2).history
        == benchmark(BatchedTrainer(LSTMAutoencoder(hidden_size=4), **WILD), *beats, epochs=2).history
    )


def test_trainer_can_be_saved_in_a_callback_but_not_in_an_epoch(beats, path):
    trainer, problems = BatchedTrainer(LSTMAutoencoder(hidden_size=4), **WILD), []

    def between():
        trainer.between_batches = None
        with pytest.raises(RuntimeError, match="must be between two epochs to be saved, got an unfinished epoch"):
            trainers.save(trainer, path)
        problems.append(path.exists())

    trainer.between_batches = between
    save = lambda row, state: row.epoch == 2 and trainers.save(trainer, path)  # noqa: E731
    result = benchmark(trainer, *beats, epochs=4, callbacks=[save])
    assert problems == [False]
    loaded = trainers.load(path, data=beats)
    assert len(loaded.history) == 2
    while len(loaded.history) < 4:
        loaded.doEpoch(loaded.model)
    assert loaded.history == result.history


def test_other_data_is_refused_or_allowed_and_changes_nothing(beats, path):
    trainer = BatchedTrainer(LSTMAutoencoder(hidden_size=4), **WILD)
    benchmark(trainer, *beats, epochs=2)
    trainers.save(trainer, path)
    other = DataSet(beats[0].sequences + 0.01), beats[1]
    given = LSTMAutoencoder(hidden_size=4)
    before = copy_state(given)
    with pytest.raises(ValueError, match=r"training set '40 sequences of 20 steps.*allow=\['data'\]"):
        trainers.load(path, model=given, data=other)
    assert same(copy_state(given), before)
    loaded = trainers.load(path, data=other, allow=["data"])
    assert torch.equal(loaded.train_inputs, other[0].sequences)
    relabelled = DataSet(beats[0].sequences, labels=np.arange(40) % 2, name="other"), beats[1]
    assert trainers.load(path, data=relabelled).history == trainer.history


def test_another_number_of_threads_is_said(beats, path, capsys, monkeypatch):
    trainer = BatchedTrainer(LSTMAutoencoder(hidden_size=4), **WILD)
    benchmark(trainer, *beats, epochs=1)
    trainers.save(trainer, path)
    trainers.load(path)
    assert "threads" not in capsys.readouterr().out
    monkeypatch.setattr(BatchedTrainer, "threads", 7)
    trainers.load(path)
    assert "1 threads before and 7 now" in capsys.readouterr().out


def test_state_that_cannot_be_saved_raises_and_keeps_the_file(beats, path):
    class Wrong(Averaging):
        def state_dict(self):
            return {**super().state_dict(), "further": SimpleNamespace()}

    trainer = Averaging(Net())
    trainers.save(trainer, path)
    before = path.read_bytes()
    with pytest.raises(TypeError, match=r"state\.further must be None, a bool.*to be saved, got SimpleNamespace"):
        trainers.save(Wrong(Net()), path)
    assert path.read_bytes() == before


def test_integers_in_a_row_come_back(beats, path):
    trainer = Averaging(Net())
    trainer.setDataSets(*beats)
    trainer.record(train_loss=1, validation_loss=np.float32(2), learning_rate=1, seconds=np.int64(3), restored=np.True_)
    loaded = around(trainer, path, trainer=Averaging, model=Net)
    assert asdict(loaded.history[0]) == asdict(trainer.history[0])


class Described(nn.Module):
    """A custom model with an attribute that has the name of one of a `Block`."""

    def __init__(self):
        super().__init__()
        self.inner, self.hyperparameters = nn.Linear(1, 1), nn.Identity

    def forward(self, x):
        return self.inner(x)


def test_attribute_named_hyperparameters_is_ignored(beats, path):
    trainer = BatchedTrainer(Described())
    benchmark(trainer, *beats, epochs=1, checkpoint=path)
    assert trainers.load(path, model=Described).history == trainer.history


def test_trainer_of_lazy_model_comes_back_without_data(beats, path):
    trainer = BatchedTrainer(LazyNet(), **WILD)
    benchmark(trainer, *beats, epochs=2)
    loaded = around(trainer, path, model=LazyNet)
    assert loaded.history == trainer.history
    assert same(copy_state(loaded.model), copy_state(trainer.model))
    results = [benchmark(one, *beats, epochs=2).history for one in (loaded, trainer)]
    assert results[0] == results[1]


# ---------------------------------------------------------------------- results


def test_result_comes_back_with_all_attributes(beats, path):
    model = LSTMAutoencoder(hidden_size=4, name="net")
    stop = lambda row, state: None  # noqa: E731
    result = benchmark(BatchedTrainer(model, name="mine", **WILD), *beats, epochs=3, callbacks=[stop])
    loaded = around(result, path)
    for field in fields(result):
        if field.name not in ("model", "callbacks"):
            assert getattr(loaded, field.name) == getattr(result, field.name), field.name
    assert same(copy_state(loaded.model), copy_state(result.model))
    assert loaded.callbacks == ()
    assert [row.seconds for row in loaded.history] == [row.seconds for row in result.history]
    assert (loaded.history.name, repr(loaded)) == ("mine", repr(result))
    assert loaded._repr_html_() == result._repr_html_()
    assert loaded.history.plot() is not None


def test_result_of_start_that_was_trained_comes_back(beats, path):
    trainer = BatchedTrainer(LSTMAutoencoder(hidden_size=4), **WILD)
    benchmark(trainer, *beats, epochs=3)
    result = benchmark(trainer, *beats, epochs=1)
    loaded = around(result, path)
    assert loaded.history.start == result.history.start is not None


def test_hostile_names_are_escaped(beats, path):
    named = [DataSet(part.sequences, name=HOSTILE) for part in beats]
    trainer = BatchedTrainer(LSTMAutoencoder(hidden_size=4, name=HOSTILE), name=HOSTILE, **WILD)
    result = around(benchmark(trainer, *named, epochs=1), path)

    def edit(content):
        content.update(device=HOSTILE, stopped=HOSTILE, versions={"kit": HOSTILE}, tables=[[[HOSTILE], [HOSTILE] * 4]])
        content["history"]["note"] = content["history"]["rows"][0]["note"] = HOSTILE

    changed(path, edit)
    hostile = trainers.load(path)
    for one in (result, hostile, result.model, hostile.history, around(trainer, path)):
        assert "<img" not in one._repr_html_()
        assert "<script" not in one._repr_html_()
    assert hostile.stopped == HOSTILE


# ---------------------------------------------------------------------- detectors


def sequences(n=150, seed=0):
    values = wave(n * 25, features=2, seed=seed).values.reshape(n, 25, 2)
    return DataSet(values)


SCORE = """
import sys, numpy as np, trainers
from data import DataSet, Series
for kind in (Series, DataSet):
    place = sys.argv[1] + "/" + kind.__name__
    detector, x = trainers.load(place), kind(np.load(place + ".npy"))
    found, detection = detector.explain(x), detector.detect(x)
    np.savez(place, scores=detector.score(x), threshold=detector.threshold, calibration=detector.calibration_scores,
        errors=found.errors, reconstruction=found.reconstruction, abnormal=detection.abnormal)
    detector.rule, detector.k = "mean + k s.d.", 1.5
    print(repr(detector.threshold), detector.window_length)
"""


def test_detector_scores_equally_in_another_process(tmp_path):
    expected, printed = {}, []
    for normal, x, settings in (
        (wave(features=2), wave(203, features=2, seed=1).values, {"error": "gaussian", "scaling": "robust"}),
        (sequences(), sequences(9, seed=1).sequences.numpy(), {"error": "max", "scaling": "none", "smooth": 2}),
    ):
        kind = type(normal)
        detector = AnomalyDetector(small(2), window=25, epochs=1, rate=0.1, **settings).fit(normal, progress=False)
        trainers.save(detector, tmp_path / kind.__name__)
        np.save(tmp_path / f"{kind.__name__}.npy", x)
        found, detection = detector.explain(kind(x)), detector.detect(kind(x))
        expected[kind.__name__] = {
            "scores": detector.score(kind(x)), "threshold": detector.threshold, "errors": found.errors,
            "calibration": detector.calibration_scores, "reconstruction": found.reconstruction,
            "abnormal": detection.abnormal,
        }  # fmt: skip
        detector.rule, detector.k = "mean + k s.d.", 1.5
        printed.append(f"{detector.threshold!r} {detector.window_length}")
    assert in_new_process(SCORE, tmp_path).splitlines() == printed
    for name, values in expected.items():
        there = np.load(tmp_path / f"{name}.npz")
        assert sorted(there) == sorted(values)
        for what, value in values.items():
            np.testing.assert_array_equal(there[what], value)


@pytest.fixture(scope="module")
def trained():
    return {
        "series": AnomalyDetector(small(2), window=25, epochs=1, rate=0.1).fit(wave(features=2), progress=False),
        "sequences": AnomalyDetector(small(2), epochs=1, rate=0.1).fit(sequences(), progress=False),
    }


@pytest.mark.parametrize("error", ["mae", "mse", "max", "gaussian"])
@pytest.mark.parametrize("kind", ["series", "sequences"])
def test_detector_scores_equally_with_each_error(trained, path, kind, error):
    detector = trained[kind]
    detector.error = error
    x = wave(103, features=2, seed=1) if kind == "series" else sequences(9, seed=1)
    loaded = around(detector, path)
    assert loaded.hyperparameters == detector.hyperparameters
    assert loaded.trainer is None
    np.testing.assert_array_equal(loaded.score(x), detector.score(x))
    for rule in AnomalyDetector.declared()["rule"].choices:
        for changes in ({}, {"rate": 0.2, "k": 2.0}):
            detector.rule = loaded.rule = rule
            for name, value in changes.items():
                setattr(detector, name, value)
                setattr(loaded, name, value)
            assert loaded.threshold == detector.threshold
    # a file of a loaded detector is the same file
    detector.rule = loaded.rule = "conformal quantile"
    again = around(loaded, path)
    np.testing.assert_equal(plain(again.to_content()), plain(detector.to_content()))
    np.testing.assert_array_equal(again.score(x), detector.score(x))


@pytest.mark.parametrize("scaling", ["standard", "robust", "none"])
def test_detector_keeps_scaling_form_and_name(path, scaling):
    normal = wave(features=2)
    normal = type(normal)(normal.values, feature_names=["left", "right"], sampling_rate=50)
    detector = AnomalyDetector(small(2), window=25, epochs=1, rate=0.1, scaling=scaling, name="mine")
    loaded = around(detector.fit(normal, progress=False), path)
    assert (loaded.name, loaded.window_length, loaded._form) == ("mine", 25, detector._form)
    np.testing.assert_array_equal(loaded._scaling.center, detector._scaling.center)
    np.testing.assert_array_equal(loaded._scaling.divisor, detector._scaling.divisor)
    swapped = type(normal)(normal.values[:100, ::-1], feature_names=["right", "left"], sampling_rate=50)
    np.testing.assert_array_equal(loaded.score(swapped), detector.score(swapped))
    assert loaded.result.history == detector.result.history


def test_settings_that_change_scores_need_data_after_loading(trained, path):
    detector, normal = trained["series"], wave(features=2)
    detector.error = "mae"
    loaded = around(detector, path)
    before, loaded.stride = loaded.threshold, 5
    with pytest.raises(
        RuntimeError, match=r"got a detector loaded without data and with other settings: load\(path, d"
    ):
        _ = loaded.threshold
    with pytest.raises(RuntimeError, match="must have its normal data to compute its scores"):
        trainers.save(loaded, path)
    loaded.stride = 4
    assert loaded.threshold == before
    loaded = trainers.load(path, data=normal)
    loaded.stride = 5
    detector.stride = 5
    try:
        assert loaded.threshold == detector.threshold != before
        loaded.error = detector.error = "gaussian"
        np.testing.assert_array_equal(loaded.calibration_scores, detector.calibration_scores)
    finally:
        detector.stride, detector.error = 4, "mae"
    with pytest.raises(ValueError, match="data must be the data of fit"):
        trainers.load(path, data=wave(features=2, seed=1))
    # the threshold is that of the other data
    assert trainers.load(path, data=wave(features=2, seed=1), allow=["data"]).threshold != before


def test_three_parts_are_given_as_in_fit(path):
    parts = [wave(features=2, seed=seed) for seed in range(3)]
    detector = AnomalyDetector(small(2), window=25, epochs=1, rate=0.1)
    detector.fit(parts[0], validation=parts[1], calibration=parts[2], progress=False)
    loaded = around(detector, path, data=tuple(parts))
    detector.stride = loaded.stride = 3
    assert loaded.threshold == detector.threshold


def test_detector_with_custom_model_needs_it(path):
    detector = AnomalyDetector(BatchedTrainer(Net()), window=25, epochs=1, rate=0.1).fit(wave(), progress=False)
    trainers.save(detector, path)
    with pytest.raises(
        ValueError, match=r"model must be given, because .*Net is not .* load\(path, model=Net\), got N"
    ):
        trainers.load(path)
    loaded = trainers.load(path, model=Net)
    np.testing.assert_array_equal(loaded.score(wave(90)), detector.score(wave(90)))


def test_subclass_of_detector_or_unfitted_detector_cannot_be_saved(path):
    with pytest.raises(RuntimeError, match="is not fitted yet"):
        trainers.save(AnomalyDetector(), path)
    own = type("Own", (AnomalyDetector,), {})
    with pytest.raises(TypeError, match="must be an AnomalyDetector, not of a subclass, got a Own"):
        trainers.save(own(), path)
    assert not path.exists()


# ---------------------------------------------------------------------- arguments


@pytest.mark.parametrize(
    ("thing", "given", "match"),
    [
        (Net(), {}, r"model must be given, because .*Net is not a class of this kit: load\(path, model=Net\)"),
        (Averaging(Net()), {"model": Net}, r"trainer must be given, because .*Averaging .*load\(path, trainer=Avera"),
        (Averaging(Net()), {"trainer": Averaging}, r"model must be given, because .*Net is not"),
        (Net(), {"model": 3}, r"model must be a torch\.nn\.Module, got int"),
        (Net(), {"model": lambda: 3}, r"model must be a torch\.nn\.Module, got int"),
        (Net(), {"model": lambda size: Net()}, r"model must be callable as model\(\), got TypeError"),
        (BlockNet(), {"model": lambda: BlockNet(slope=3)}, r"model must have the hyperparameters of the file"),
        (Net(), {"model": Net, "trainer": Averaging}, r"trainer must be None for a file of kind 'model', got _B"),
        (Net(), {"model": Net, "loss": huber}, r"loss must be None for a file of kind 'model', got function"),
        (Net(), {"model": Net, "data": (1, 2)}, r"data must be None for a file of kind 'model', got tuple"),
        (Averaging(Net()), {"trainer": Averaging(Net()), "model": Net}, "model must be None, because the trainer has"),
        (Averaging(Net()), {"trainer": lambda *_, **__: 3, "model": Net}, "trainer must be a Trainer or return one"),
        (Averaging(Net()), {"trainer": 3, "model": Net}, r"trainer must be callable as trainer\(…, …, name='Ave"),
        (Averaging(Net()), {"trainer": Averaging(Net()), "data": 3}, "data must be the pair .training, validation"),
        (BatchedTrainer(LSTMAutoencoder()), {"data": ("a", "b")}, r"training set"),
        (LSTMAutoencoder(), {"device": "abacus"}, "device must be"),
        (LSTMAutoencoder(), {"allow": "data"}, "allow must be a list of names among data, got 'data'"),
        (LSTMAutoencoder(), {"allow": ["epochs"]}, "allow must be a list of names among data"),
    ],
)
def test_invalid_arguments_of_load_raise(path, thing, given, match):
    trainers.save(thing, path)
    with pytest.raises((TypeError, ValueError), match=match):
        trainers.load(path, **given)


@pytest.mark.parametrize("thing", [3, "text", LSTMAutoencoder, OrderedDict(), None])
def test_saving_something_else_raises(path, thing):
    with pytest.raises(TypeError, match=r"thing must be an nn.Module, a Trainer, a Result or an AnomalyDetector, got"):
        trainers.save(thing, path)


@pytest.mark.parametrize(
    ("name", "error", "match"),
    [
        ("", FileNotFoundError, "a folder"),
        ("missing/file", FileNotFoundError, "no such folder"),
        ("missing", FileNotFoundError, "no such file"),
    ],
)
def test_path_that_is_no_file_raises(tmp_path, name, error, match):
    with pytest.raises(error, match=match):
        trainers.load(tmp_path / name)
    if name != "missing":
        with pytest.raises(error, match=match):
            trainers.save(LSTMAutoencoder(), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("wrong", [None, 3, b"bytes", ""])
def test_path_of_wrong_type_raises(wrong):
    for call in (lambda: trainers.load(wrong), lambda: trainers.save(LSTMAutoencoder(), wrong)):
        with pytest.raises(TypeError, match="path must be a string or a path, got"):
            call()


def test_file_is_replaced_and_leaves_only_its_lock(tmp_path, path):
    trainers.save(LSTMAutoencoder(hidden_size=3), str(path))
    trainers.save(LSTMAutoencoder(hidden_size=4), path)
    assert trainers.load(os.path.relpath(path)).hidden_size == 4
    assert sorted(one.name for one in tmp_path.iterdir()) == [".saved.lock", "saved"]
    assert (tmp_path / ".saved.lock").stat().st_size == 0


def test_file_is_safetensors_and_json(path):
    trainers.save(LSTMAutoencoder(hidden_size=3), path)
    tensors = safetensors.torch.load_file(path)
    # equal tensors, such as biases of zeros, are stored once
    for name, tensor in tensors.items():
        assert torch.equal(tensor, copy_state(trainers.load(path))[name.removeprefix("tensors.")])
    with safetensors.safe_open(path, "pt") as file:
        metadata = file.metadata()
    assert sorted(metadata) == ["content", "format", "sha256", "version"]
    assert json.loads(metadata["content"])["kind"] == "model"
