"""``python -m notebooks.course check``: whether this computer is ready for a lesson, in plain words."""

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
# Those that are named; all are looked at.
_NAMED = ("torch", "jupyterlab", "ipykernel", "ipywidgets", "anywidget")
# Gigabytes: with less it fails; with less it may.
_LEAST_MEMORY, _GOOD_MEMORY, _GOOD_DISK = 0.7, 2.0, 1.0
# Epochs and network of lesson 1's training; a test holds them to the notebook.
LESSON_1_EPOCHS = 15
LESSON_1_MODEL: dict[str, Any] = {"hidden_size": 32, "latent_size": 32}
# Seconds that lesson 1's training may take, to be fine and to be no more than slow.
_FINE, _SLOW = 40.0, 120.0


@dataclass(frozen=True)
class SetupResult:
    """What was found of one thing.

    Attributes
    ----------
    name : str
        The thing.
    text : str
        What was found.
    level : {"fine", "note", "fault"}
        A note lets a lesson run, with something missing; a fault does not.
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
    """All that was found, and the verdict.

    Attributes
    ----------
    findings : tuple of SetupResult
    """

    findings: tuple[SetupResult, ...]

    @property
    def ready(self) -> bool:
        """Whether a lesson can be held."""
        return not any(found.level == "fault" for found in self.findings)

    @property
    def summary(self) -> str:
        """In a sentence or two: ready, ready but, or not ready and what to do."""
        faults, notes = ([found for found in self.findings if found.level == level] for level in ("fault", "note"))
        if faults:
            return "Not ready: " + " ".join(f"{found.name}, {found.text} {found.remedy}" for found in faults)
        if notes:
            return "Works, but: " + " ".join(f"{found.name}, {found.text} {found.remedy}" for found in notes)
        return "Ready for class."

    def __str__(self) -> str:
        return "\n".join([*map(str, self.findings), "", self.summary])

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        rows = "".join(f"<li>{escaped(str(found))}</li>" for found in self.findings)
        return without_math(
            f"<ul style='list-style: none; padding: 0'>{rows}</ul><p><b>{escaped(self.summary)}</b></p>"
        )


def check(show: Callable[[str], object] = lambda line: None) -> SetupCheck:
    """Look at versions, data, memory, disk, threads, speed, and whether buttons answer in a busy cell.

    It takes about half a minute, and starts a kernel of its own for the last.

    Parameters
    ----------
    show : callable, optional
        Called with each finding as a line of text as soon as it is there.

    Returns
    -------
    SetupCheck
        Whatever is wrong with the computer is in it; nothing is raised.

    Examples
    --------
    >>> results = SetupResult("data", "all there."), SetupResult("disk", "0.2 GB free.", "note", "Make room.")
    >>> SetupCheck(results).summary
    'Works, but: disk, 0.2 GB free. Make room.'
    """
    from notebooks.course.busy_kernel import busy_kernel_finding

    looks: dict[str, Callable[[], SetupResult]] = {
        "versions": versions, "data": data, "memory": memory, "disk": disk, "processors": processors,
        "training": training_time, "buttons": busy_kernel_finding,
    }  # fmt: skip
    found = []
    for name, look in looks.items():
        try:
            finding = look()
        except Exception as error:  # a check that fails is a finding, not the end of all checks
            remedy = "If that does not say what to do, set the kit up again (notebooks/INSTALL.md)."
            finding = SetupResult(name, f"could not be looked at ({type(error).__name__}: {error}).", "fault", remedy)
        found.append(finding)
        show(str(finding))
    return SetupCheck(tuple(found))


def versions() -> SetupResult:
    """Python and every package against the bounds that the installed kit declares."""
    from packaging.requirements import Requirement
    from packaging.specifiers import SpecifierSet

    try:
        about, wanted = metadata(KIT), [Requirement(text) for text in requires(KIT) or ()]
    except PackageNotFoundError:
        return SetupResult("versions", "the kit is not installed.", "fault", "In its folder: pip install -e .")
    wrong, present = [], []
    python = platform.python_version()
    if not SpecifierSet(about["Requires-Python"]).contains(python):
        wrong.append(f"Python {python} (needs {about['Requires-Python']})")
    for one in wanted:
        if one.marker is not None and not one.marker.evaluate({"extra": ""}):
            continue
        try:
            there = version(one.name)
        except PackageNotFoundError:
            wrong.append(f"{one.name} is missing (needs {one.specifier})")
            continue
        # What was built from a working copy has a version before its release.
        if not one.specifier.contains(there, prereleases=True):
            wrong.append(f"{one.name} {there} (needs {one.specifier})")
        if one.name in _NAMED:
            present.append(f"{one.name} {there}")
    if wrong:
        remedy = "Set the kit up anew: make clean, then make lab; or pip install -e . in its folder."
        return SetupResult("versions", f"{'; '.join(wrong)}.", "fault", remedy)
    return SetupResult("versions", f"Python {python}, {', '.join(present)}: as the kit needs them.")


def data() -> SetupResult:
    """The data sets and recordings that the lessons load."""
    from data import load_ecg5000, load_ecg_diff_count, load_internal_bleeding, load_mitbih

    beats = load_ecg5000()
    recordings = [load() for load in (load_mitbih, load_ecg_diff_count, load_internal_bleeding)]
    return SetupResult("data", f"{len(beats):,} heartbeats and {len(recordings)} long recordings are there.")


def memory(free: float | None = None) -> SetupResult:
    """Free memory in gigabytes, measured where it is not given."""
    import psutil

    free = psutil.virtual_memory().available / 1e9 if free is None else free
    text, remedy = f"{free:.1f} GB free.", "Close other programs and browser tabs."
    if free < _LEAST_MEMORY:
        return SetupResult("memory", text, "fault", remedy)
    return SetupResult("memory", text) if free >= _GOOD_MEMORY else SetupResult("memory", text, "note", remedy)


def disk(free: float | None = None) -> SetupResult:
    """Free disk space in gigabytes where the user works, measured where it is not given."""
    free = shutil.disk_usage(os.getcwd()).free / 1e9 if free is None else free
    text = f"{free:.1f} GB free."
    return (
        SetupResult("disk", text)
        if free >= _GOOD_DISK
        else SetupResult("disk", text, "note", "Make room for saved work.")
    )


def processors() -> SetupResult:
    """Number of CPU threads: PyTorch's, and the one that the rule chooses for the default model."""
    from trainers import BatchedTrainer, LSTMAutoencoder

    model, batch_size = LSTMAutoencoder(), 32
    uses, trains = (
        f"{number} thread{'s' * (number != 1)}"
        for number in (torch.get_num_threads(), BatchedTrainer(model, batch_size=batch_size).threads)
    )
    default = f"the default model ({model.hidden_size} units, batches of {batch_size})"
    return SetupResult("processors", f"{os.cpu_count()}; PyTorch uses {uses}, {default} trains with {trains}.")


def training_time(seconds: float | None = None) -> SetupResult:
    """How long lesson 1's training will take, from a quarter of one epoch of it, measured where it is not given."""
    seconds = _lesson_1_seconds() if seconds is None else seconds
    text = f"lesson 1 will train for about {_rounded(seconds)} s"
    if seconds <= _FINE:
        return SetupResult("training", f"{text}: fine.")
    from notebooks.course import classroom

    # What the mode lets a run take, also while it is off.
    limit = classroom.CLASSROOM_SECONDS if (chosen := classroom.seconds()) is None else chosen
    epochs = max(1, math.ceil(min(LESSON_1_EPOCHS, LESSON_1_EPOCHS * limit / seconds)))
    if epochs < LESSON_1_EPOCHS:
        less = f"In classroom mode it stops after about {epochs} of its {LESSON_1_EPOCHS} epochs."
    else:
        less = "In classroom mode it takes as long."
    if seconds <= _SLOW:
        return SetupResult(
            "training", f"{text}: slow.", "note", f"Close other programs, plug the power cable in. {less}"
        )
    return SetupResult("training", f"{text}: too slow to wait for.", "note", f"Use another computer if you can. {less}")


def _lesson_1_seconds() -> float:
    from data import load_ecg5000, split
    from trainers import BatchedTrainer, LSTMAutoencoder, Run

    parts = split(load_ecg5000(), seed=0)
    train, validation = (part.subset(range(len(part) // 4)) for part in parts[:2])
    trainer = BatchedTrainer(LSTMAutoencoder(**LESSON_1_MODEL), batch_size=32, learning_rate=0.01)
    # The first epoch of a process is slower: memory and threads are new.
    rows = list(Run(trainer, train, validation, epochs=2, seconds=math.inf))
    return rows[-1].seconds * 4 * LESSON_1_EPOCHS


def _rounded(seconds: float) -> int:
    return max(5, 5 * round(seconds / 5))
