"""``python -m notebooks.course check``: check whether this computer is ready for a lesson."""

from __future__ import annotations

import math
import os
import platform
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from typing import Any

import torch

from data.markup import escaped, without_math

KIT = "lstm-anomaly-kit"
# Packages whose versions are shown; all are checked.
_SHOWN = ("torch", "jupyterlab", "ipykernel", "ipywidgets", "anywidget")
# Gigabytes: below the minimum a lesson fails; below the others it may fail.
_MIN_MEMORY, _GOOD_MEMORY, _GOOD_DISK = 0.7, 2.0, 1.0
# Epochs and network of lesson 1; a test compares them with the notebook.
LESSON_1_EPOCHS = 15
LESSON_1_MODEL: dict[str, Any] = {"hidden_size": 32, "latent_size": 32}
# Seconds of lesson 1's training run up to which it is fast, and up to which it is slow.
_FAST_SECONDS, _SLOW_SECONDS = 40.0, 120.0


@dataclass(frozen=True)
class SetupResult:
    """Result of one check.

    Attributes
    ----------
    name : str
        What was checked, such as "memory".
    text : str
        What the check found.
    level : {"fine", "note", "fault"}
        With a note, a lesson runs, but something is slow or missing; with a fault, it does not run.
    remedy : str
        What to do about a note or a fault.
    """

    name: str
    text: str
    level: str = "fine"
    remedy: str = ""

    def __str__(self) -> str:
        sign = {"fine": "✓", "note": "!", "fault": "✗"}[self.level]
        return f"{sign} {self.name}: {self.text}" + (f" {self.remedy}" if self.remedy else "")


@dataclass(frozen=True)
class SetupCheck:
    """Results of all checks, and their summary.

    Attributes
    ----------
    findings : tuple of SetupResult
        One result for each check.
    """

    findings: tuple[SetupResult, ...]

    @property
    def ready(self) -> bool:
        """Whether no check found a fault."""
        return not any(result.level == "fault" for result in self.findings)

    @property
    def summary(self) -> str:
        """Whether the computer is ready, with the faults or notes and what to do about them."""
        for level, start in (("fault", "Not ready. "), ("note", "The lessons run on this computer, but with limits. ")):
            results = [result for result in self.findings if result.level == level]
            if results:
                return start + " ".join(f"{one.name.capitalize()}: {one.text} {one.remedy}" for one in results)
        return "Ready for class."

    def __str__(self) -> str:
        return "\n".join([*map(str, self.findings), "", self.summary])

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        rows = "".join(f"<li>{escaped(str(result))}</li>" for result in self.findings)
        return without_math(
            f"<ul style='list-style: none; padding: 0'>{rows}</ul><p><b>{escaped(self.summary)}</b></p>"
        )


def check(show: Callable[[str], object] = lambda line: None) -> SetupCheck:
    """Check versions, data, memory, disk, threads, speed, and whether buttons respond while a cell is running.

    The check takes about half a minute. It starts a separate kernel for the buttons.

    Parameters
    ----------
    show : callable, optional
        Called with each result as a line of text as soon as it is known. Default: shows nothing.

    Returns
    -------
    SetupCheck
        The results. A check that fails is a result too; it raises no error.

    Examples
    --------
    >>> results = SetupResult("data", "found."), SetupResult("disk", "0.2 GB free.", "note", "Make room.")
    >>> SetupCheck(results).summary
    'The lessons run on this computer, but with limits. Disk: 0.2 GB free. Make room.'
    """
    from notebooks.course.busy_kernel import busy_kernel_finding

    checks: dict[str, Callable[[], SetupResult]] = {
        "versions": versions, "data": data, "memory": memory, "disk": disk, "processors": processors,
        "training": training_time, "buttons": busy_kernel_finding,
    }  # fmt: skip
    results = []
    for name, run_check in checks.items():
        try:
            result = run_check()
        except Exception as error:  # a check that fails does not end the other checks
            remedy = "If this does not say what to do, set up the kit again (notebooks/INSTALL.md)."
            result = SetupResult(name, f"the check failed ({type(error).__name__}: {error}).", "fault", remedy)
        results.append(result)
        show(str(result))
    return SetupCheck(tuple(results))


def versions() -> SetupResult:
    """Compare Python and every package with the bounds that the installed kit declares."""
    from packaging.requirements import Requirement
    from packaging.specifiers import SpecifierSet

    try:
        kit, requirements = metadata(KIT), [Requirement(text) for text in requires(KIT) or ()]
    except PackageNotFoundError:
        return SetupResult("versions", "the kit is not installed.", "fault", "Run pip install -e . in its folder.")
    wrong, present = [], []
    python = platform.python_version()
    if not SpecifierSet(kit["Requires-Python"]).contains(python):
        wrong.append(f"Python {python} (needs {kit['Requires-Python']})")
    for requirement in requirements:
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            installed = version(requirement.name)
        except PackageNotFoundError:
            wrong.append(f"{requirement.name} is missing (needs {requirement.specifier})")
            continue
        # A package built from a working copy has a pre-release version.
        if not requirement.specifier.contains(installed, prereleases=True):
            wrong.append(f"{requirement.name} {installed} (needs {requirement.specifier})")
        if requirement.name in _SHOWN:
            present.append(f"{requirement.name} {installed}")
    if wrong:
        remedy = "Set up the kit again: run make clean and make lab, or pip install -e . in its folder."
        return SetupResult("versions", f"{'; '.join(wrong)}.", "fault", remedy)
    return SetupResult("versions", f"all requirements are met (Python {python}, {', '.join(present)}).")


def data() -> SetupResult:
    """Load the data sets and recordings of the lessons."""
    from data import load_ecg5000, load_ecg_diff_count, load_internal_bleeding, load_mitbih

    beats = load_ecg5000()
    recordings = [load() for load in (load_mitbih, load_ecg_diff_count, load_internal_bleeding)]
    return SetupResult("data", f"found {len(beats):,} heartbeats and {len(recordings)} long recordings.")


def memory(free: float | None = None) -> SetupResult:
    """Check the free memory, in gigabytes; it is measured by default."""
    import psutil

    free = psutil.virtual_memory().available / 1e9 if free is None else free
    text, remedy = f"{free:.1f} GB free.", "Close other programs and browser tabs."
    if free < _MIN_MEMORY:
        return SetupResult("memory", text, "fault", remedy)
    return SetupResult("memory", text) if free >= _GOOD_MEMORY else SetupResult("memory", text, "note", remedy)


def disk(free: float | None = None) -> SetupResult:
    """Check the free disk space of the working directory, in gigabytes; it is measured by default."""
    free = shutil.disk_usage(os.getcwd()).free / 1e9 if free is None else free
    text = f"{free:.1f} GB free."
    return (
        SetupResult("disk", text)
        if free >= _GOOD_DISK
        else SetupResult("disk", text, "note", "Free some disk space for saved work.")
    )


def processors() -> SetupResult:
    """Return the number of CPU threads that PyTorch uses, and the number for training the default model."""
    from trainers import BatchedTrainer, LSTMAutoencoder

    model, batch_size = LSTMAutoencoder(), 32
    default_threads, training_threads = (
        f"{number} thread{'s' * (number != 1)}"
        for number in (torch.get_num_threads(), BatchedTrainer(model, batch_size=batch_size).threads)
    )
    what = f"It uses {training_threads} to train the default model ({model.hidden_size} units, batches of {batch_size})"
    return SetupResult("processors", f"{os.cpu_count()} processors. PyTorch uses {default_threads} by default. {what}.")


def training_time(seconds: float | None = None) -> SetupResult:
    """Estimate the seconds of lesson 1's training run; by default from a quarter of one epoch."""
    seconds = _lesson_1_seconds() if seconds is None else seconds
    text = f"the training run of lesson 1 takes about {_rounded(seconds)} s"
    if seconds <= _FAST_SECONDS:
        return SetupResult("training", f"{text}.")
    from notebooks.course import classroom

    # The time limit of classroom mode, also while it is off.
    limit = classroom.CLASSROOM_SECONDS if (chosen := classroom.seconds()) is None else chosen
    epochs = max(1, math.ceil(min(LESSON_1_EPOCHS, LESSON_1_EPOCHS * limit / seconds)))
    if epochs < LESSON_1_EPOCHS:
        in_class = f"In classroom mode (make class), it stops after about {epochs} of its {LESSON_1_EPOCHS} epochs."
    else:
        in_class = "In classroom mode (make class), it takes the same time."
    if seconds <= _SLOW_SECONDS:
        text, remedy = f"{text}, which is slow.", "Close other programs, and plug in the power cable."
    else:
        text, remedy = f"{text}, which is too slow for a class.", "Use another computer if you can."
    return SetupResult("training", text, "note", f"{remedy} {in_class}")


def _lesson_1_seconds() -> float:
    from data import load_ecg5000, split
    from trainers import BatchedTrainer, LSTMAutoencoder, Run

    parts = split(load_ecg5000(), seed=0)
    train, validation = (part.subset(range(len(part) // 4)) for part in parts[:2])
    trainer = BatchedTrainer(LSTMAutoencoder(**LESSON_1_MODEL), batch_size=32, learning_rate=0.01)
    # The first epoch of a process is slower, so the second is measured.
    rows = list(Run(trainer, train, validation, epochs=2, seconds=math.inf))
    return rows[-1].seconds * 4 * LESSON_1_EPOCHS


def _rounded(seconds: float) -> int:
    return max(5, 5 * round(seconds / 5))
