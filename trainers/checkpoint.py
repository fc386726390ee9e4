"""`save` and `load` for models, trainers, results and detectors, and the checkpoints of a training run.

What the files contain, by kind (see `trainers.checkpoint_file` for the format):

model
    ``class``, ``name`` and ``hyperparameters`` (null if the model is not a `Block`), ``tensors`` (parameters and
    buffers), ``frozen`` (names of the parameters that are not trained).
trainer
    ``class``, ``name``, ``hyperparameters``; ``given``, the hyperparameters at the start of the run; ``model`` without
    its tensors; ``state``, see `Trainer.state_dict`; ``data``, a description and a checksum of each data set, without
    labels; ``device``, ``threads``; ``random``, the states of the random generators.
result
    The attributes of a `Result` except its callbacks.
detector
    See `AnomalyDetector`: hyperparameters, features, scaling, window, scores of the calibration part, ``model`` and
    ``result``. The data itself is not saved.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from data import DataSet
from trainers.batched_trainer import BatchedTrainer
from trainers.block import Block
from trainers.checkpoint_file import as_path, digest_of, lock_file, read_file, write_file
from trainers.console import say
from trainers.losses import check_model
from trainers.lstm_autoencoder import LSTMAutoencoder
from trainers.torch_utils import (
    as_device,
    check_tensors,
    copy_state,
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
_OWN = {cls.__name__: cls for cls in (LSTMAutoencoder, BatchedTrainer)}


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

    An `LSTMAutoencoder` and a `BatchedTrainer` are built from the file. Objects of all other classes must be given.

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
        are set to their states at that time. To continue its run:
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
        yield
    except (ValueError, TypeError, LookupError, AttributeError, RuntimeError, AssertionError, ArithmeticError) as error:
        if isinstance(error, ValueError | TypeError | RuntimeError) and " must " in str(error):
            raise
        what = f"path must be a complete file of kind {kind!r}, got {path.name!r}"
        raise ValueError(f"{what} ({type(error).__name__}: {error}).") from error


# ---------------------------------------------------------------------- models


def model_content(model: nn.Module) -> dict[str, Any]:
    """Return the content of a model's file."""
    check_model(model)
    frozen = [name for name, p in uncompiled(model).named_parameters() if not p.requires_grad]
    return {**_description(uncompiled(model)), "tensors": copy_state(model), "frozen": frozen}


def _description(block: Any) -> dict[str, Any]:
    is_block = isinstance(block, Block)
    name, values = (block.name, block.hyperparameters) if is_block else (None, None)
    return {"class": _class_name(block), "name": name, "hyperparameters": values}


def _class_name(thing: Any) -> str:
    """Return the name of a class of the kit, or module and name of another one."""
    cls = type(thing)
    return cls.__name__ if _OWN.get(cls.__name__) is cls else f"{cls.__module__}.{cls.__qualname__}"


def model_of(content: dict[str, Any], given: Any) -> nn.Module:
    """Return the model of a file in evaluation mode: one of the kit's own, or the given one with the file's weights."""
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
    check_model(model)
    load_weights(model, tensors, content["frozen"])
    return model.eval()


def _made(argument: str, make: Callable[..., Any], *args: Any, **values: Any) -> Any:
    """Return what a class or function returns, or raise an error that names the argument of `load`."""
    try:
        return make(*args, **values)
    except Exception as error:  # a user's class may raise any exception
        called = ", ".join(["…"] * len(args) + [f"{name}={value!r}" for name, value in values.items()])
        raise ValueError(f"{argument} must be callable as {argument}({called}), got {error!r}.") from error


def _own_class(described: str, argument: str, kind: type) -> Any:
    cls = _OWN.get(described)
    if cls is None or not issubclass(cls, kind):
        example = described.rpartition(".")[2]
        raise ValueError(
            f"{argument} must be given, because {described} is not a class of this kit: "
            f"load(path, {argument}={example}), got None."
        )
    return cls


# ---------------------------------------------------------------------- trainers


def trainer_content(trainer: Trainer, given: dict[str, Any] | None = None, data: Any = None) -> dict[str, Any]:
    """Return the content of a trainer's file; `given` and `data` are those at the start of its run, if known."""
    sets = [one for one in (trainer.train_set, trainer.validation_set) if one is not None]
    return {
        **_description(trainer),
        "given": given or _given(trainer),
        "model": _description(uncompiled(trainer.model)),
        "state": trainer.state_dict(),
        "data": data or [describe_set(one) for one in sets],
        "device": str(trainer.device),
        "threads": trainer.threads,
        "random": random_states(trainer.device),
    }


def _given(trainer: Trainer) -> dict[str, Any]:
    """Return what must be the same when a run is continued: classes and hyperparameters of trainer and model."""
    blocks = trainer, uncompiled(trainer.model)
    (own, values), (model, model_values) = [(_class_name(b), getattr(b, "hyperparameters", None)) for b in blocks]
    return {**(values or {}), "trainer": own, "model": [model, model_values]}


def _trainer_of(
    content: dict[str, Any], model: Any, given: Any, loss: Any, data: Any, device: torch.device, allow: Sequence[str]
) -> Trainer:
    state, values = content["state"], dict(content["hyperparameters"])
    if isinstance(given, Trainer):
        if model is not None:
            raise ValueError("model must be None, because the trainer has one, got both.")
        trainer = given
    else:
        tensors = {"tensors": state["model"], "frozen": state["frozen"]}
        own = given is None
        make = _own_class(content["class"], "trainer", Trainer) if own else given
        if values.get("loss") == "custom":
            if loss is None:
                raise ValueError("loss must be the function that the trainer was given: load(path, loss=…), got None.")
            values["loss"] = loss
        net = model_of({**content["model"], **tensors}, model)
        trainer = _made("trainer", make, net, device, name=content["name"], **values)
        if not isinstance(trainer, Trainer):
            raise TypeError(f"trainer must be a Trainer or return one, got {type(trainer).__name__}.")
    if data is not None:
        train, validation = _two_sets(data)
        now = [describe_set(train), describe_set(validation)]
        if now != content["data"] and "data" not in allow:
            raise ValueError(_different({"data": (content["data"], now)}))
        trainer.setDataSets(train, validation)
    trainer.load_state_dict(state)
    set_random_states(content["random"])
    return trainer


def _two_sets(data: Any) -> tuple[DataSet, DataSet]:
    if not isinstance(data, tuple | list) or len(data) != 2:
        raise TypeError(f"data must be the pair (training, validation) for a trainer, got {type(data).__name__}.")
    return DataSet.of(data[0], "training set"), DataSet.of(data[1], "validation set")


def describe_set(data: DataSet) -> str:
    """Return size and checksum of a data set, without its labels and names."""
    parts = [data.sequences, data.targets, data.mask, data.lengths]
    digests = ["none" if part is None else digest_of(part)[:16] for part in parts]
    return f"{len(data)} sequences of {data.length} steps, {data.n_features} features; " + " ".join(digests)


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
        trainer, "model", "data" or "epochs".
    trainer : Trainer
        The trainer of the run.

    Raises
    ------
    TypeError, ValueError, RuntimeError, OSError
        If an argument is invalid, the file is damaged or of another kind, or another run uses it.
    """

    def __init__(self, path: Any, every: Any, allow: Any, trainer: Trainer) -> None:
        self.path = as_path(path, "checkpoint")
        if isinstance(every, bool) or not isinstance(every, int) or every < 1:
            raise ValueError(f"every must be a positive integer (epochs), got {every!r}.")
        self.every = every
        self.allow = _checked_allow(allow, [*trainer.declared(), "model", "data", "epochs"])
        self.trainer = trainer
        self.given: dict[str, Any] = _given(trainer)
        self.data: list[str] | None = None
        self.lock = lock_file(self.path)
        self.content: dict[str, Any] | None = None
        try:
            if self.path.exists():
                kind, self.content = read_file(self.path)
                if kind != "trainer":
                    raise ValueError(f"checkpoint must be a file of kind 'trainer', got {kind!r}: {self.path}.")
        except BaseException:
            self.close()
            raise

    def begin(self, train: DataSet, validation: DataSet, epochs: int) -> bool:
        """Set the data sets; return whether the run in the file is continued. Nothing is changed if it differs."""
        self.data = [describe_set(train), describe_set(validation)]
        if self.content is None:
            self.trainer.setDataSets(train, validation)
            return False
        with _plain_errors(self.path, "trainer"):
            found = self._differences(self.content, epochs)
            if refused := {name: pair for name, pair in found.items() if name not in self.allow}:
                raise ValueError(_different(refused))
            self.trainer.setDataSets(train, validation)
            self._restore(self.content, found)
        return True

    def check_same_run(self) -> None:
        """Raise an error if the file has epochs that the run of the trainer does not have."""
        if self.content is not None:
            with _plain_errors(self.path, "trainer"):
                rows, own = self.content["state"]["history"]["rows"], self.trainer.history.to_dict()["rows"]
                losses = [[repr((row["train_loss"], row["validation_loss"])) for row in some] for some in (rows, own)]
                if losses[0] != losses[1][: len(rows)]:
                    raise ValueError(f"checkpoint must be a new file or one of this run, got another run: {self.path}.")
                self.given, self.data = self.content["given"], self.content["data"]

    def save(self) -> None:
        """Write the present state."""
        write_file(self.path, "trainer", trainer_content(self.trainer, self.given, self.data))

    def save_or_warn(self) -> None:
        """Write the present state; if this fails, warn, because the training need not end."""
        try:
            self.save()
        except Exception as error:
            what = f"checkpoint {self.path.name!r} was not saved, {type(error).__name__}: {error}"
            warnings.warn(f"{what}. The file keeps the last state written.", RuntimeWarning, stacklevel=2)

    def close(self) -> None:
        """Release the file."""
        self.lock.release()

    def _differences(self, content: dict[str, Any], epochs: int) -> dict[str, tuple[Any, Any]]:
        """Return what differs between the run in the file and this one: by name, the value there and here."""
        there = {**content["given"], "data": content["data"], "epochs": content["state"]["planned_epochs"]}
        here = {**self.given, "data": self.data, "epochs": epochs}
        if not self.trainer.depends_on_plan:
            del there["epochs"], here["epochs"]
        names = dict.fromkeys([*there, *here])
        return {name: (there.get(name), here.get(name)) for name in names if there.get(name) != here.get(name)}

    def _restore(self, content: dict[str, Any], found: dict[str, Any]) -> None:
        trainer, model = self.trainer, uncompiled(self.trainer.model)
        blocks = [(block, getattr(block, "hyperparameters", {})) for block in (trainer, model)]
        before, threads = trainer.state_dict(), content["threads"]
        try:
            trainer.load_state_dict(content["state"])
            # hyperparameters may have been changed during the run
            for (block, own), described in zip(blocks, (content, content["model"]), strict=True):
                names = [name for name in own if not {name, "model"} & found.keys()]
                _set_changed(block, {name: described["hyperparameters"][name] for name in names})
            set_random_states(content["random"])
        except BaseException:
            for block, own in blocks:
                _set_changed(block, own)
            trainer.load_state_dict(before)
            raise
        if threads != trainer.threads:
            counts = f"{threads} threads before and {trainer.threads} now"
            say(f"{trainer.name}: {counts}, so the last digits may differ from those of one run.")
        say(f"{trainer.name}: continued after epoch {len(trainer.history)} from {self.path}.")


def _set_changed(block: Any, values: dict[str, Any]) -> None:
    for name, value in values.items():
        if getattr(block, name) != value:
            setattr(block, name, value)


def _checked_allow(allow: Any, names: list[str]) -> tuple[str, ...]:
    if isinstance(allow, str) or not isinstance(allow, Sequence) or not set(allow) <= set(names):
        raise ValueError(f"allow must be a list of names among {', '.join(names)}, got {allow!r}.")
    return tuple(allow)


def _different(found: dict[str, tuple[Any, Any]]) -> str:
    shown = "; ".join(f"{name} {one!r} in the file and {other!r} now" for name, (one, other) in found.items())
    return f"the run must be the same as in the file, got {shown}. Use another file, or allow={tuple(found)}."
