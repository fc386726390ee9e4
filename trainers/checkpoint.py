"""`save` and `load` for models, trainers, results and detectors, and the checkpoints of a training run.

What the files contain, by kind (see `trainers.checkpoint_file` for the format):

model
    ``class``, ``name`` and ``hyperparameters`` (null if the model is not a `Block`), ``tensors`` (parameters and
    buffers), ``frozen`` (names of the parameters that are not trained).
trainer
    ``class``, ``name``, ``hyperparameters``; ``run``, what must be the same when the run is continued (see
    `describe_run`); ``model`` without its tensors; ``state``, see `Trainer.state_dict`; ``sets``, the data sets that
    it uses; ``depends_on_plan``; ``threads``; ``random``, the states of the global random generators.
result
    The attributes of a `Result` except its callbacks.
detector
    See `AnomalyDetector`: hyperparameters, features, scaling, window, scores of the calibration part, ``model`` and
    ``result``. The data itself is not saved.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from data import DataSet
from data.lazy import is_lazy, spread
from data.words import many
from trainers import distributed
from trainers.batched_trainer import BatchedTrainer
from trainers.block import Block
from trainers.checkpoint_file import as_path, digest_of, lock_file, read_file, write_file
from trainers.checks import as_count
from trainers.console import say
from trainers.losses import check_model
from trainers.lstm_autoencoder import LSTMAutoencoder
from trainers.lstm_forecaster import LSTMForecaster
from trainers.restoring_trainer import RestoringTrainer
from trainers.torch_utils import (
    as_device,
    build_lazy,
    check_tensors,
    copy_state,
    frozen_names,
    load_weights,
    random_states,
    set_random_states,
    uncompiled,
)
from trainers.trainer import Trainer

if TYPE_CHECKING:
    from trainers.detection import AnomalyDetector
    from trainers.training import Result

# Classes that a file can name; any other class must be given to `load`.
_OWN = {cls.__name__: cls for cls in (LSTMAutoencoder, LSTMForecaster, BatchedTrainer)}


def save(thing: nn.Module | Trainer | Result | AnomalyDetector, path: str | os.PathLike[str]) -> None:
    """Save a model, a trainer, a result or a fitted detector in one file.

    The file has tensors in safetensors and the rest in JSON, and no pickle. An existing file is replaced when the new
    one is complete. Data sets are not saved.

    Parameters
    ----------
    thing : torch.nn.Module, Trainer, Result or AnomalyDetector
        What to save. A trainer can be saved between two epochs, also in a callback of a run.
    path : str or path
        The file, in an existing folder, with any suffix.

    Raises
    ------
    TypeError
        If `thing` is of no such kind, or the state of a custom trainer has values that cannot be saved.
    RuntimeError
        If the trainer is in the middle of an epoch, the detector is not fitted, or a run uses the file.
    OSError
        If the file cannot be written. An existing file is unchanged.

    Examples
    --------
    >>> import tempfile
    >>> path = tempfile.mkdtemp() + "/model"
    >>> save(LSTMAutoencoder(hidden_size=4), path)
    >>> load(path)
    LSTMAutoencoder(hidden_size=4)
    """
    if isinstance(thing, Trainer):
        kind, content = "trainer", trainer_content(thing)
    elif isinstance(thing, nn.Module):
        kind, content = "model", model_content(thing)
    elif hasattr(thing, "to_content"):
        kind, content = thing.kind_of_file, thing.to_content()
    else:
        kinds = "an nn.Module, a Trainer, a Result or an AnomalyDetector"
        raise TypeError(f"thing must be {kinds}, got {type(thing).__name__}.")
    path = as_path(path)
    if distributed.rank():
        return  # rank 0 saves
    lock = lock_file(path)
    try:
        write_file(path, kind, content)
    finally:
        lock.release()


def load(
    path: str | os.PathLike[str],
    *,
    model: nn.Module | Callable[..., nn.Module] | None = None,
    trainer: Trainer | Callable[..., Trainer] | None = None,
    loss: Callable[..., torch.Tensor] | None = None,
    data: Any = None,
    device: str | torch.device = "cpu",
    allow: Sequence[str] = (),
) -> Any:
    """Load what `save` or a checkpoint has written; a file from a stranger runs no code.

    An `LSTMAutoencoder`, an `LSTMForecaster` and a `BatchedTrainer` are built from the file. Objects of all other
    classes must be given.

    Parameters
    ----------
    path : str or path
        The file.
    model : torch.nn.Module or callable, optional
        Model of your own class: an instance, whose weights are replaced, or a class or function that returns one; a
        subclass of `Block` is called with the hyperparameters in the file.
    trainer : Trainer or callable, optional
        Trainer of your own class: an instance, or a class or function that is called with the model, the device, the
        name and the hyperparameters in the file.
    loss : callable, optional
        The function that a `BatchedTrainer` was given as `loss`.
    data : tuple, optional
        For a trainer, the sets (training, validation), with which its run can be continued. For a detector, the normal
        data, or the arguments (normal, validation, calibration) of `fit`, with which settings that change the scores
        can be changed. They must be the same as before.
    device : str or torch.device, default "cpu"
        "cpu" or "gpu", or a PyTorch device.
    allow : sequence of str, default ()
        Differences to accept: only "data" has an effect here.

    Returns
    -------
    torch.nn.Module, Trainer, Result or AnomalyDetector
        In the state in which it was saved; a model is in evaluation mode. With a trainer, the global random generators
        are set to their states at that time. To continue its run, load it with `data` and call
        ``benchmark(trainer, epochs=…, resume=True)``.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If the file is damaged, of a newer version or no file of this kit; if an object of your own class is missing;
        or if the given object or data differ from those saved.
    TypeError, RuntimeError
        If an argument has the wrong type, or the device is not available.
    """
    path = as_path(path)
    device, allow = as_device(device), _checked_allow(allow, ["data"])
    kind, content = read_file(path)
    given = {"model": model, "trainer": trainer, "loss": loss, "data": data}
    used = {"trainer": tuple(given), "detector": ("model", "data")}.get(kind, ("model",))
    for name in (name for name, value in given.items() if value is not None and name not in used):
        raise ValueError(f"{name} must be None for a file of kind {kind!r}, got {type(given[name]).__name__}.")
    with _plain_errors(path, kind):
        if kind == "model":
            return model_of(content, model).to(device)
        if kind == "trainer":
            return _trainer_of(content, model, trainer, loss, data, device, allow)
        if kind == "result":
            from trainers.training import Result

            return Result.from_content(content, model_of(content["model"], model).to(device))
        if kind == "detector":
            from trainers.detection import AnomalyDetector

            found = model_of(content["model"], model).to(device)
            return AnomalyDetector.from_content(content, found, device, data, allow)
        raise ValueError(f"kind must be model, trainer, result or detector, got {kind!r}.")


@contextmanager
def _plain_errors(path: Path, kind: str) -> Iterator[None]:
    """Report a field that is missing or has the wrong type as an error of the file."""
    try:
        with warnings.catch_warnings():
            # PyTorch warns if a tensor is in the place of a dictionary
            warnings.filterwarnings("ignore", "Using a non-tuple sequence")
            yield
    except (ValueError, TypeError, LookupError, AttributeError, RuntimeError, AssertionError, ArithmeticError) as error:
        # an error of the kit, not of Python, and not with a large value from the file
        of_kit = isinstance(error, ValueError | TypeError | RuntimeError) and re.search(
            r" must .*got ", str(error), re.S
        )
        if of_kit and len(str(error)) < 2000:
            raise
        what = f"path must be a complete file of kind {kind!r:.99}, got {path.name!r}"
        raise ValueError(f"{what} ({type(error).__name__}: {error!s:.500}).") from error


# ---------------------------------------------------------------------- models


def model_content(model: nn.Module) -> dict[str, Any]:
    """Return the content of a model's file."""
    check_model(model)
    return {**_description(uncompiled(model)), "tensors": copy_state(model), "frozen": frozen_names(model)}


def _description(block: Any) -> dict[str, Any]:
    cls = type(block)
    # only classes of the kit are known by their name alone
    described = cls.__name__ if _OWN.get(cls.__name__) is cls else f"{cls.__module__}.{cls.__qualname__}"
    if isinstance(block, Block):
        return {"class": described, "name": block.name, "hyperparameters": block.hyperparameters}
    return {"class": described, "name": None, "hyperparameters": None, "layers": repr(block)}


def model_of(content: dict[str, Any], given: Any) -> nn.Module:
    """Return the model of a file in evaluation mode: one of the kit's own, or the given one with the file's weights."""
    model = _model_for(content, given)
    load_weights(model, content["tensors"], content["frozen"])
    return model.eval()


def _model_for(content: dict[str, Any], given: Any) -> nn.Module:
    """Return the model of a file without its weights: one of the kit's own, or the given one."""
    described, tensors = content["class"], content["tensors"]
    values = content["hyperparameters"] or {}
    if given is None:
        cls: Any = _own_class(described, "model", nn.Module)
        # without memory, because the sizes in the file may be wrong
        with torch.device("meta"):
            check_tensors(cls(**values), tensors)
        model = cls(name=content["name"], **values)
    elif isinstance(given, nn.Module) or not callable(given):
        model = given
    else:
        is_block = isinstance(given, type) and issubclass(given, Block)
        model = _made("model", given, **values if is_block else {})
        if is_block and content["name"]:
            model.name = content["name"]
    check_model(model)
    _check_hyperparameters("model", model, values)
    build_lazy(model, tensors)
    return model


def _check_hyperparameters(argument: str, block: Any, saved: dict[str, Any]) -> None:
    """Raise an error if a given block has other hyperparameters than the file."""
    here = block.hyperparameters if isinstance(block, Block) else saved
    saved = {**_defaults(block), **saved} if saved else saved
    if found := {name: value for name, value in saved.items() if here.get(name) != value}:
        got = {name: here.get(name) for name in found}
        raise ValueError(f"{argument} must have the hyperparameters of the file, {found}, got {got}.")


def _defaults(block: Any, prefix: str = "") -> dict[str, Any]:
    """Return the defaults of a block's hyperparameters: the values of those that a file of an older version lacks."""
    return {prefix + name: one.default for name, one in block.declared().items()} if isinstance(block, Block) else {}


def _made(argument: str, make: Callable[..., Any], *args: Any, **values: Any) -> Any:
    """Return what a class or function returns, or raise an error that names the argument of `load`."""
    try:
        return make(*args, **values)
    except Exception as error:  # a user's class may raise any exception
        called = ", ".join(["…"] * len(args) + [f"{name}={value!r}" for name, value in values.items()])
        raise ValueError(f"{argument} must be callable as {argument}({called:.500}), got {error!r:.500}.") from error


def _own_class(described: str, argument: str, kind: type) -> Any:
    cls = _OWN.get(described)
    if cls is None or not issubclass(cls, kind):
        what = f"{argument} must be given, because {described} is not a class of this kit"
        raise ValueError(f"{what}: load(path, {argument}={described.rpartition('.')[2]}), got None.")
    return cls


# ---------------------------------------------------------------------- trainers


def trainer_content(trainer: Trainer, run: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the content of a trainer's file; `run` describes the start of its run, if that is known."""
    _check_saved(trainer)
    return {
        **_description(trainer),
        "run": run or describe_run(trainer, trainer._given_sets, None),
        "model": _description(uncompiled(trainer.model)),
        "state": trainer.state_dict(),
        "sets": used_sets(trainer),
        "depends_on_plan": trainer.depends_on_plan,
        "threads": trainer.threads,
        "random": random_states(trainer.device),
    }


def describe_run(trainer: Trainer, sets: tuple[DataSet, DataSet] | None, epochs: int | None) -> dict[str, Any]:
    """Return what must be the same when a run is continued."""
    return {
        **_compared(_description(trainer), _description(uncompiled(trainer.model))),
        "model.frozen": frozen_names(trainer.model),
        "training set": sets and describe_set(sets[0]),
        "validation set": sets and describe_set(sets[1]),
        "epochs": epochs,
    }


def used_sets(trainer: Trainer) -> list[str]:
    """Describe the sets that a trainer uses, which `setDataSets` of a subclass may have augmented."""
    return [describe_set(one) for one in (trainer.train_set, trainer.validation_set) if one is not None]


def _compared(trainer: dict[str, Any], model: dict[str, Any]) -> dict[str, Any]:
    """Return classes and hyperparameters in the descriptions of a trainer and its model, by name."""
    own = model["hyperparameters"] or {"layers": model["layers"]}
    values = {f"model.{name}": value for name, value in own.items()}
    return {**trainer["hyperparameters"], **values, "trainer": trainer["class"], "model": model["class"]}


def _check_saved(trainer: Trainer) -> None:
    """Raise an error if the state of a custom trainer is incomplete."""
    kinds = torch.optim.Optimizer | torch.optim.lr_scheduler.LRScheduler | torch.Generator | np.random.Generator
    known = [*getattr(trainer, "optimizers", ()), *getattr(trainer, "schedulers", ())]
    own = [name for name, value in vars(trainer).items() if isinstance(value, kinds) and value not in known]
    if own and type(trainer).state_dict in (Trainer.state_dict, RestoringTrainer.state_dict, BatchedTrainer.state_dict):
        what = f"{type(trainer).__name__} must extend state_dict and load_state_dict"
        raise TypeError(f"{what} to be saved with {own[0]}, got the methods of {type(trainer).__mro__[1].__name__}.")


def describe_set(data: DataSet) -> str:
    """Return size and checksum of a data set, without its labels and names.

    If the data is beyond memory, the checksum is that of evenly spaced sequences.
    """
    rows: Any = slice(None)
    of_rows = ""
    if is_lazy(data):
        row = max(data.sequences.shape[1:].numel(), data.targets.shape[1:].numel())
        rows = spread(len(data), (row,))
        of_rows = f" of {many(len(rows), 'evenly spaced sequence')}"
    parts = (data.sequences, data.targets, data.mask, data.lengths)
    digests = " ".join("none" if part is None else digest_of(part[rows]) for part in parts)
    size = f"{many(len(data), 'sequence')} of {many(data.length, 'step')}, {many(data.n_features, 'feature')}"
    return f"{size}, checksum{of_rows} {sha256(digests.encode()).hexdigest()[:16]}"


def _trainer_of(
    content: dict[str, Any], model: Any, given: Any, loss: Any, data: Any, device: torch.device, allow: Sequence[str]
) -> Trainer:
    state, values = content["state"], dict(content["hyperparameters"])
    if data is not None:
        if not isinstance(data, tuple | list) or len(data) != 2:
            raise TypeError(f"data must be the pair (training, validation) for a trainer, got {type(data).__name__}.")
        data = DataSet.of(data[0], "training set"), DataSet.of(data[1], "validation set")
        now = {f"{part} set": describe_set(one) for part, one in zip(("training", "validation"), data, strict=True)}
        _refuse({name: (content["run"][name], value) for name, value in now.items()}, allow)
    if isinstance(given, Trainer):
        if model is not None:
            raise ValueError("model must be None, because the trainer has one, got both.")
        trainer = given
    else:
        make = _own_class(content["class"], "trainer", Trainer) if given is None else given
        if values.get("loss") == "custom":
            if loss is None:
                raise ValueError("loss must be the function that the trainer was given: load(path, loss=…), got None.")
            values["loss"] = loss
        net = _model_for({**content["model"], "tensors": state["model"]}, model)
        trainer = _made("trainer", make, net, device, name=content["name"], **values)
        if not isinstance(trainer, Trainer):
            raise TypeError(f"trainer must be a Trainer or return one, got {type(trainer).__name__}.")
    _check_hyperparameters("trainer", trainer, content["hyperparameters"])
    _restore(trainer, content, data)
    return trainer


def set_data(trainer: Trainer, train: DataSet, validation: DataSet) -> None:
    """Set the data sets, and remember them as they are before an augmentation."""
    trainer.setDataSets(train, validation)
    trainer._given_sets = train, validation


def _restore(trainer: Trainer, content: dict[str, Any], data: Any, changed: Sequence[str] = ()) -> None:
    """Set the data sets and load the state, with all hyperparameters but the `changed` ones; or change nothing."""
    blocks = [(trainer, content), (uncompiled(trainer.model), content["model"])]
    own = [_description(block)["hyperparameters"] or {} for block, _ in blocks]
    # there is no state to return to if an epoch of the same trainer has failed
    attributes, before = dict(vars(trainer)), None if trainer.in_epoch else trainer.state_dict()
    randomness, threads = random_states(trainer.device), as_count(content["threads"], "threads", "CPU threads")
    try:
        if data is not None:
            set_data(trainer, *data)
        # hyperparameters may have been changed during the run
        for (block, described), values in zip(blocks, own, strict=True):
            names = [name for name in values if name not in changed and f"model.{name}" not in changed]
            there = {**_defaults(block), **(described["hyperparameters"] or {})}
            _set_changed(block, {name: there[name] for name in names})
        trainer.load_state_dict(content["state"])
        set_random_states(content["random"])
        others = used_sets(trainer) != content["sets"] and data is not None and not changed
    except BaseException:
        set_random_states(randomness)
        for (block, _), values in zip(blocks, own, strict=True):
            _set_changed(block, values)
        if before is not None:
            trainer.load_state_dict(before)
        vars(trainer).update(attributes)
        raise
    if others:
        say(f"{trainer.name}: setDataSets gave other data than before, so the results differ from those of one run.")
    if threads != trainer.threads:
        say(f"{trainer.name}: {threads} threads before and {trainer.threads} now; last digits may differ.")


def _set_changed(block: Any, values: dict[str, Any]) -> None:
    for name, value in values.items():
        if getattr(block, name) != value:
            setattr(block, name, value)


def _refuse(pairs: dict[str, tuple[Any, Any]], allow: Sequence[str]) -> list[str]:
    """Return the names whose two values, in the file and now, differ; raise unless these differences are allowed."""
    names = [name for name, (there, here) in pairs.items() if there != here]
    # one name for both sets, and one for all of the model
    allowed = {name: "data" if name.endswith(" set") else name.partition(".")[0] for name in names}
    if refused := [name for name in names if allowed[name] not in allow]:
        shown = "; ".join("{} {!r} in the file and {!r} now".format(name, *pairs[name]) for name in refused)
        unique = list(dict.fromkeys(allowed[name] for name in refused))
        remedy = "" if "loss" in refused else f", or allow={unique}"
        raise ValueError(f"the run must be the same as in the file, got {shown}. Use another file{remedy}.")
    return names


def _checked_allow(allow: Any, names: list[str]) -> tuple[str, ...]:
    if isinstance(allow, str) or not isinstance(allow, Sequence) or not set(allow) <= set(names):
        raise ValueError(f"allow must be a list of names among {', '.join(names)}, got {allow!r}.")
    return tuple(allow)


# ---------------------------------------------------------------------- checkpoints of a run


class Checkpoint:
    """The checkpoint of a training run: a locked file, written every few epochs and at the end.

    Parameters
    ----------
    path : str or path
        The file. If it exists, it must be the checkpoint of the same run, which is then continued.
    every : int
        Number of epochs from one write to the next.
    allow : sequence of str
        Differences between the run in the file and this one that are accepted: names of hyperparameters of the
        trainer, "trainer" (its class), "model", "data" or "epochs".
    trainer : Trainer
        The trainer of the run.

    Raises
    ------
    TypeError, ValueError, RuntimeError, OSError
        If an argument is invalid, the file is damaged or of another kind, or another run uses it.
    """

    def __init__(self, path: Any, every: Any, allow: Any, trainer: Trainer) -> None:
        # as given, for messages
        self.given = os.fspath(path) if isinstance(path, os.PathLike) else path
        self.path = as_path(path, "checkpoint")
        if isinstance(every, bool) or not isinstance(every, int) or every < 1:
            raise ValueError(f"every must be a positive integer (epochs), got {every!r}.")
        self.every = every
        # a loss cannot be compared with one of another kind
        names = [name for name in trainer.declared() if name != "loss"]
        self.allow = _checked_allow(allow, [*names, "trainer", "model", "data", "epochs"])
        self.trainer = trainer
        self.run: dict[str, Any] = {}
        self.content: dict[str, Any] | None = None
        # rank 0 reads and writes the file
        self.lock = None if distributed.rank() else lock_file(self.path, "checkpoint")
        try:
            if self.lock and self.path.exists():
                kind, self.content = read_file(self.path)
                if kind != "trainer":
                    raise ValueError(f"checkpoint must be a file of kind 'trainer', got {kind!r}: {self.path}.")
        except BaseException:
            self.close()
            raise
        self.content = distributed.agreed(self.content)

    def begin(self, train: DataSet, validation: DataSet, epochs: int) -> int | None:
        """Set the data sets; return the planned epochs of the run in the file, which is continued, or None.

        Nothing is changed if that run differs.
        """
        trainer, content, self.run = self.trainer, self.content, describe_run(self.trainer, (train, validation), epochs)
        if content is None:
            set_data(trainer, train, validation)
            return None
        with _plain_errors(self.path, "trainer"):
            there = {**_defaults(trainer), **_defaults(uncompiled(trainer.model), "model."), **content["run"]}
            # values as at the end of the run in the file are no difference, so that the same trainer can continue
            last = {**there, **_compared(content, content["model"]), "model.frozen": content["state"]["frozen"]}
            pairs = {name: (there.get(name), self.run.get(name)) for name in {**there, **self.run}}
            pairs = {name: pair for name, pair in pairs.items() if pair[1] != last.get(name)}
            if not (trainer.depends_on_plan or content["depends_on_plan"]):
                pairs.pop("epochs", None)
            changed = _refuse(pairs, self.allow)
            # the file keeps the values at the start of the run
            self.run |= {name: value for name, value in there.items() if name not in changed and name != "epochs"}
            _restore(trainer, content, (train, validation), changed)
            # the number may have been changed during the run
            planned = content["state"]["planned_epochs"] if there["epochs"] == epochs else epochs
        done = len(trainer.history)
        planned = trainer.planned_epochs = max(planned or epochs, done)
        what = f"continued after epoch {done} from" if done < planned else f"complete after {many(done, 'epoch')}, in"
        say(f"{trainer.name}: {what} {self.given}.")
        return planned

    def reopen(self) -> Checkpoint:
        """Lock the file again, for further epochs of the same run."""
        self.lock = None if distributed.rank() else lock_file(self.path, "checkpoint")
        return self

    def save(self) -> None:
        """Write the present state."""
        if self.lock:
            write_file(self.path, "trainer", trainer_content(self.trainer, self.run))

    def save_or_warn(self) -> None:
        """Write the present state; if this fails, warn, because the training need not end."""
        try:
            self.save()
        except Exception as error:
            what = f"checkpoint {self.path.name!r} must be writable, got {type(error).__name__}: {error}"
            warnings.warn(f"{what}. The file keeps the last state written.", RuntimeWarning, stacklevel=2)

    def close(self) -> None:
        """Release the file."""
        if self.lock:
            self.lock.release()
