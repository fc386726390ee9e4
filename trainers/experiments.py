"""`grid`: train every combination of settings, seeds and data sets, in several processes or on a cluster."""

from __future__ import annotations

import inspect
import json
import os
import random
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import torch
from sklearn.model_selection import ParameterGrid

from data.lazy import LazyTensor, sample
from trainers import distributed
from trainers.checkpoint import save
from trainers.checkpoint_file import digest_of
from trainers.checks import as_count
from trainers.console import in_terminal, say
from trainers.detection import AnomalyDetector
from trainers.torch_utils import random_states, set_random_states, with_threads
from trainers.trainer import Trainer
from trainers.training import benchmark

# Columns that each table has, and those of a training run.
_COLUMNS, _TRAINING = ("seed", "data", "file", "error"), ("best_loss", "best_epoch", "restores", "epochs", "seconds")
# One cell at a time in each process, also if a cluster has several threads in one: the random state is global.
_ONE_CELL = threading.RLock()


def grid(
    make: Callable[..., Any],
    settings: Mapping[str, Sequence[Any]] | Iterable[Mapping[str, Any]],
    seeds: Iterable[int],
    data: Mapping[str, Any],
    *,
    epochs: int | None = None,
    score: Callable[[Any, Any], Mapping[str, Any]] | None = None,
    run: Callable[[Any, Any], Mapping[str, Any]] | None = None,
    folder: str | os.PathLike[str] | None = None,
    every: int | None = None,
    n_jobs: int | None = None,
    progress: bool | None = None,
) -> pd.DataFrame:
    """Train every combination of settings, seeds and data sets, and return a table with one row for each.

    A combination is a *cell*. The cells run in processes of this computer, one thread each. To use a Dask cluster
    instead, connect to it and call `grid` under joblib's configuration:

    >>> import joblib
    >>> from dask.distributed import Client  # doctest: +SKIP
    >>> with Client("scheduler:8786"), joblib.parallel_config("dask"):  # doctest: +SKIP
    ...     table = grid(make, settings, seeds, data, folder="runs")

    A cell gives the same numbers in any process, to the last bit, on computers with the same processor and versions.

    Parameters
    ----------
    make : callable
        Called as ``make(seed=seed, **setting)``; returns an untrained `Trainer` or `AnomalyDetector`, or anything
        that `run` accepts. Before the call, the global random generators of Python, NumPy and PyTorch are seeded.
    settings : list of dict, or dict of lists
        The settings. A dict of lists means all combinations, as in scikit-learn's `ParameterGrid`.
    seeds : iterable of int
        Seeds, such as ``range(5)``.
    data : dict
        For each name, a data set: a tuple (training, validation, …), such as a `Split` or a `Recording`; or a function
        that returns one, which every cell calls in its own process, and to which the seed is passed if it has a
        required parameter `seed`. A trainer gets the first two parts. A detector is fitted to the first three, or
        to the first one if there are fewer.
    epochs : int, optional
        Number of epochs. Default: 20, or that of the detector.
    score : callable, optional
        Called as ``score(trained, data)`` with the `Result` of a trainer or with the fitted detector; returns a dict
        of metrics, which become columns.
    run : callable, optional
        Called as ``run(thing, data)`` instead of training and `score`, with what `make` has returned; returns a dict
        whose values become columns.
    folder : str or path, optional
        Folder in which each cell is saved when it is done: its row in a JSON file, and its `Result` or detector in a
        file for `trainers.load`. If `grid` is called again, only the missing and the failed cells run. All workers
        must have access to this folder. Default: nothing is saved.
    every : int, optional
        Number of epochs between two checkpoints of a cell in `folder`, from which an interrupted cell continues; see
        `benchmark`. Default: an interrupted cell begins again.
    n_jobs : int, optional
        Number of processes; 1 means this process. Default: what `joblib.parallel_config` sets, otherwise one per
        processor core. A Dask cluster uses all its workers.
    progress : bool, optional
        If True, print the number of cells and the time left after each cell; in a terminal, in one line that is
        updated. Default: only in a terminal.

    Returns
    -------
    pandas.DataFrame
        One row per cell: its settings, `seed` and `data`; the metrics; the lowest validation loss `best_loss` and its
        epoch `best_epoch`; the numbers of `restores` and `epochs`; `seconds` of training (with `run`, of the cell);
        with a folder, the `file` of the trained object; and `error`, which is missing if the cell is complete.

    Raises
    ------
    TypeError, ValueError
        If an argument is invalid, or two cells cannot be distinguished.

    Notes
    -----
    An exception in a cell is reported in the column `error`, and the other cells go on. If a worker dies (killed, out
    of memory), the cells in progress fail; a Dask cluster runs them again, and with a folder, a cell in which two
    workers died fails. Ctrl-C ends the workers of this computer; the cells that are not done fail. Call `grid` again
    with the same folder to run the failed cells.

    A cell is identified by the names of `make`, `run` and `score`, the setting, the seed, name and content of the data
    set, and `epochs`. A function, also one that loads data, is identified by its module and name only. So a change of
    its code, of data that it loads, or of the versions of packages is not detected: use another folder.

    Examples
    --------
    >>> from data import load_ecg5000, split
    >>> from trainers import BatchedTrainer, LSTMAutoencoder
    >>> def make(seed, hidden_size):
    ...     return BatchedTrainer(LSTMAutoencoder(hidden_size=hidden_size, seed=seed), seed=seed, steps_per_epoch=2)
    >>> parts = split(load_ecg5000())
    >>> table = grid(make, {"hidden_size": [4, 8]}, [0], {"ECG5000": parts}, epochs=1, n_jobs=1)
    >>> table[["hidden_size", "seed", "data", "epochs"]]
       hidden_size  seed     data  epochs
    0            4     0  ECG5000       1
    1            8     0  ECG5000       1
    """
    every = None if every is None else as_count(every, "every", "epochs")
    epochs = None if epochs is None else as_count(epochs, "epochs", "of each training run")
    if n_jobs is not None and n_jobs != -1:
        as_count(n_jobs, "n_jobs", "processes; or -1 for one per processor core")
    if every and folder is None:
        raise ValueError(f"every must be given together with folder, got every={every} only.")
    if distributed.launched():
        raise RuntimeError("grid must be called without torchrun, got a process of it. joblib starts the processes.")
    backend, configured = joblib.parallel.get_active_backend()
    if isinstance(backend, joblib.parallel.LokyBackend):
        backend.inner_max_num_threads = 1
    # arrays in shared memory can be changed, as in a single process
    options: dict[str, Any] = {"n_jobs": n_jobs or configured or -1, "backend": backend, "mmap_mode": "c"}
    cells = _cells(settings, seeds, data, Cell(make, epochs, score, run, every))
    if folder is not None:
        Path(folder).mkdir(parents=True, exist_ok=True)
        cells = {key: replace(cell, path=Path(folder).resolve() / key) for key, cell in cells.items()}
    rows = _saved(cells)
    for cell in cells.values():
        # starts that an earlier call has counted
        if cell.path:
            cell.file(f"{os.getpid()}.starts").unlink(missing_ok=True)
    with suppress(KeyboardInterrupt, _Stopped), ExitStack() as stack:
        if threading.current_thread() is threading.main_thread() and callable(signal.getsignal(signal.SIGINT)):
            # Ctrl-C raises an exception that `benchmark` does not catch, so that no cell is saved incomplete
            stack.callback(signal.signal, signal.SIGINT, signal.signal(signal.SIGINT, _stop))
        while missing := [cell for key, cell in cells.items() if key not in rows]:
            begun, pool = time.perf_counter(), joblib.Parallel(return_as="generator_unordered", batch_size=1, **options)
            try:
                with closing(pool(joblib.delayed(Cell.evaluate)(cell, os.getpid()) for cell in missing)) as results:
                    for key, row in results:
                        rows[key] = row
                        if in_terminal() if progress is None else progress:
                            _show(len(cells), len(missing), len(rows), begun)
            except BrokenExecutor as error:
                # a worker was killed, so the cells in progress are lost; workers begin the cells in order
                rows |= _saved(cells)
                left = [key for key in cells if key not in rows][: joblib.effective_n_jobs(options["n_jobs"])]
                rows |= {key: {"error": f"{type(error).__name__}: a worker was killed"} for key in left}
    return _table(cells, rows | _saved(cells))


class _Stopped(BaseException):
    """Ctrl-C."""


def _stop(*_: object) -> None:
    raise _Stopped


@dataclass(frozen=True)
class Cell:
    """One combination of a `grid`.

    Parameters
    ----------
    make, epochs, score, run, every
        As in `grid`.
    setting : dict
        Keyword arguments for `make`.
    seed : int
        Passed to `make`.
    name : str
        Name of the data set.
    data : tuple or callable
        The data set, or the function that loads it.
    key : str
        Identifies the cell.
    path : Path, optional
        Beginning of the names of its files; None if it is not saved.
    """

    make: Callable[..., Any]
    epochs: int | None
    score: Callable[[Any, Any], Mapping[str, Any]] | None
    run: Callable[[Any, Any], Mapping[str, Any]] | None
    every: int | None
    setting: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    name: str = ""
    data: Any = None
    key: str = ""
    path: Any = None

    def file(self, kind: str) -> Path:
        """Return the path of a file: "json", "trained" or "checkpoint"."""
        return Path(f"{self.path}.{kind}")

    def evaluate(self, parent: int) -> tuple[str, dict[str, Any]]:
        """Train, evaluate and save in a process whose parent has this id; return the key and the row."""
        with _ONE_CELL, with_threads(1), ExitStack() as stack:
            if os.getpid() != parent and threading.current_thread() is threading.main_thread():
                # Ctrl-C reaches all processes of a terminal, but only the parent ends the workers
                stack.callback(signal.signal, signal.SIGINT, signal.signal(signal.SIGINT, signal.SIG_IGN))
            before = random_states()
            try:
                if self.path:
                    # a cluster begins the cell of a dead worker again; if it stops doing so, joblib waits indefinitely
                    with self.file(f"{parent}.starts").open("a") as file:
                        file.write("x")
                        if file.tell() > 2:
                            raise RuntimeError("two workers died in this cell")
                random.seed(self.seed)
                np.random.seed(self.seed % 2**32)
                torch.manual_seed(self.seed)
                row = self._row()
                if self.path:
                    self._write(row)
            except (Exception, SystemExit) as error:
                where = traceback.extract_tb(error.__traceback__)[-1]
                row = {"error": f"{type(error).__name__}: {error} (in {where.name}, line {where.lineno})"}
            finally:
                set_random_states(before)
        return self.key, row

    def _row(self) -> dict[str, Any]:
        begun = time.perf_counter()
        data = self.data
        if callable(data):
            seed = inspect.signature(data).parameters.get("seed")
            data = data(seed=self.seed) if seed and seed.default is seed.empty else data()
        thing = self.make(seed=self.seed, **self.setting)
        metrics, more = self._train(thing, data) if self.run is None else (self.run(thing, data), {})
        more = {"seconds": time.perf_counter() - begun, **more, **metrics}
        if taken := metrics.keys() & {*self.setting, *_COLUMNS}:
            raise ValueError(f"metrics must not have the names of other columns, got {taken}.")
        # plain numbers, as in the file
        return json.loads(json.dumps({**metrics, **more}, default=lambda value: value.tolist()))

    def _train(self, thing: Any, data: Any) -> tuple[Mapping[str, Any], dict[str, Any]]:
        options: Any = {"checkpoint": self.file("checkpoint"), "every": self.every} if self.path and self.every else {}
        if isinstance(thing, Trainer):
            epochs = 20 if self.epochs is None else self.epochs
            trained: Any = benchmark(thing, *data[:2], epochs=epochs, progress=False, **options)
        elif isinstance(thing, AnomalyDetector):
            thing.epochs = thing.epochs if self.epochs is None else self.epochs
            parts = {"validation": data[1], "calibration": data[2]} if len(data) > 2 else {}
            trained = thing.fit(data[0], **parts, progress=False, **options)
        else:
            raise TypeError(f"make must return a Trainer or an AnomalyDetector, got {type(thing).__name__}. Set run=….")
        result = getattr(trained, "result", trained)
        metrics = {} if self.score is None else self.score(trained, data)
        if self.path:
            save(trained, self.file("trained"))
        last, restores = result.history[-1], len(result.history.restored_epochs)
        values = (last.best_loss, last.best_epoch, restores, last.epoch, result.seconds)
        return metrics, dict(zip(_TRAINING, values, strict=True))

    def _write(self, row: dict[str, Any]) -> None:
        temporary, about = self.file(f"{os.getpid()}.tmp"), {"setting": describe(self.setting), "seed": self.seed}
        temporary.write_text(json.dumps({**about, "data": self.name, "row": row}), encoding="utf-8")
        # a complete file, or none
        os.replace(temporary, self.file("json"))
        # checkpoint, locks and starts
        for file in self.path.parent.glob(f"*{self.key}.*[tks]"):
            file.unlink(missing_ok=True)


def _cells(settings: Any, seeds: Iterable[int], data: Any, cell: Cell) -> dict[str, Cell]:
    """Return the cells by key, in the order of data sets, settings and seeds."""
    settings = list(ParameterGrid(settings) if isinstance(settings, Mapping) else settings)
    seeds = [as_count(seed, "seeds", "seed of a cell", least=0) for seed in seeds]
    if not isinstance(data, Mapping) or not all(callable(one) or isinstance(one, tuple) for one in data.values()):
        raise TypeError(f"data must be a dict of tuples (training, validation, …) or functions, got {data!r:.80}.")
    taken = {*_COLUMNS, *(() if cell.run else _TRAINING)}
    if wrong := [one for one in settings if not isinstance(one, Mapping) or taken & one.keys()]:
        raise ValueError(f"settings must be dicts without the names {', '.join(sorted(taken))}, got {wrong[0]!r}.")
    cells: dict[str, Cell] = {}
    shared = (cell.make, cell.score, cell.run, cell.epochs)
    contents = {name: describe((one, *shared)) for name, one in data.items()}
    for name, setting, seed in product(data, settings, seeds):
        key = joblib.hash(json.dumps([name, contents[name], describe(setting), seed], sort_keys=True))
        if key in cells:
            raise ValueError(f"settings and seeds must differ, got twice: {describe(setting)}, seed {seed}.")
        cells[key] = replace(cell, setting=setting, seed=seed, name=name, data=data[name], key=key)
    return cells


def describe(value: Any) -> Any:
    """Return what identifies a value in another process, as JSON: plain values, names of functions, checksums."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, torch.Tensor):
        return digest_of(value)
    if isinstance(value, LazyTensor):
        # of evenly spaced rows
        return [list(value.shape), digest_of(sample(value))]
    if isinstance(value, Mapping):
        return {str(key): describe(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [describe(one) for one in value]
    if isinstance(value, partial):
        return ["partial", *map(describe, (value.func, value.args, value.keywords))]
    if hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    if hasattr(value, "__dict__") and not isinstance(value, pd.DataFrame | pd.Series):
        return [describe(type(value)), describe(vars(value))]
    # arrays, tables and others
    return value.item() if isinstance(value, np.generic) else joblib.hash(value)


def _saved(cells: Mapping[str, Cell]) -> dict[str, dict[str, Any]]:
    """Return the rows of the cells that are in the folder."""
    rows = {}
    for key, cell in cells.items():
        # a damaged file counts as missing
        with suppress(OSError, ValueError, LookupError, TypeError):
            if cell.path:
                rows[key] = json.loads(cell.file("json").read_text(encoding="utf-8"))["row"]
    return rows


def _table(cells: Mapping[str, Cell], rows: Mapping[str, Any]) -> pd.DataFrame:
    found = []
    for key, cell in cells.items():
        row = rows.get(key, {"error": "stopped by Ctrl-C"})
        file = {"file": str(cell.file("trained"))} if cell.path and not (cell.run or "error" in row) else {}
        found.append({**describe(cell.setting), "seed": cell.seed, "data": cell.name, "error": None, **row, **file})
    frame = pd.DataFrame(found)
    if len(failed := frame.error.dropna()):
        say(f"{len(failed)} of {len(frame)} cells failed. The first error: {failed.iloc[0]}")
    return frame[[*(name for name in frame if name != "error"), "error"]]


def _show(total: int, missing: int, done: int, begun: float) -> None:
    """Print text such as "3 of 10 cells, 0:01:10 left", in a terminal in one line that is updated."""
    left = timedelta(seconds=round((time.perf_counter() - begun) / (done + missing - total) * (total - done)))
    text = f"{done} of {total} cells, {left} left"
    say(f"\r{text:40}" if in_terminal() else text, end="" if in_terminal() and done < total else "\n")
