"""The rule for the number of CPU threads, and the priority of the user's number."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

from notebooks.course import setup_check
from trainers import BatchedTrainer, LSTMAutoencoder, Run, torch_utils
from trainers.torch_utils import with_threads

RULE = """
import torch
from torch import nn
from trainers import LSTMAutoencoder
from trainers.torch_utils import ONE_THREAD_UP_TO, useful_threads, with_threads

UNITS = 16
LIMIT = ONE_THREAD_UP_TO // UNITS**2
lstm, cpu = nn.LSTM(1, UNITS), torch.device("cpu")
with with_threads(3):
    print("default model", useful_threads(LSTMAutoencoder(), 32, cpu))
    print("at the limit", useful_threads(lstm, LIMIT, cpu))
    print("above the limit", useful_threads(lstm, LIMIT + 1, cpu))
    print("largest layer", useful_threads(nn.Sequential(nn.GRU(1, 4), nn.RNN(1, UNITS)), LIMIT + 1, cpu))
    for layer in (nn.GRU, nn.RNN, nn.LSTMCell, nn.GRUCell, nn.RNNCell):
        print(layer.__name__, useful_threads(layer(1, UNITS), LIMIT, cpu))
    print("compiled", useful_threads(torch.compile(lstm), LIMIT, cpu))
    print("DataParallel", useful_threads(nn.DataParallel(lstm), LIMIT, cpu))
    print("not recurrent", useful_threads(nn.Linear(2, 2), 1, cpu))
    print("not on the CPU", useful_threads(lstm, 2, torch.device("meta")))
"""

# A model that records the number of threads in training, validation and scoring.
TRAINING = """
import torch
from trainers import BatchedTrainer, LSTMAutoencoder, benchmark, reconstruct
from trainers.torch_utils import with_threads

class Recording(LSTMAutoencoder):
    def forward(self, sequences, lengths=None):
        seen.add(torch.get_num_threads())
        return super().forward(sequences, lengths)

def threads(hidden_size):
    seen.clear()
    result = benchmark(
        BatchedTrainer(Recording(hidden_size=hidden_size), batch_size=40, restore="off"),
        torch.randn(40, 3), torch.randn(4, 3), epochs=1, progress=False,
    )
    reconstruct(result.model, torch.randn(40, 3))
    return *seen, result.threads, torch.get_num_threads()

seen = set()
with with_threads(3):
    print("small", *threads(8))
    print("large", *threads(128))
default = torch.get_num_threads()
torch.set_num_threads(default)
print("default set by the user", threads(8) == (default,) * 3)
torch.set_num_threads(3)
print("set by the user", *threads(8))
torch.set_num_threads(1)
print("one set by the user", *threads(128))
"""

BEFORE_IMPORT = """
import torch
default = torch.get_num_threads()
torch.set_num_threads({number})
from trainers import BatchedTrainer, LSTMAutoencoder
print(BatchedTrainer(LSTMAutoencoder()).threads == {number})
"""


def printed(code):
    """Return the output of a new process that has PyTorch's default number of threads."""
    environment = {key: value for key, value in os.environ.items() if key not in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    environment["OMP_WAIT_POLICY"] = "PASSIVE"  # fast on a busy computer as well
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_rule_depends_on_largest_recurrent_layer_and_batch():
    one = ["default model", "at the limit", "GRU", "RNN", "LSTMCell", "GRUCell", "RNNCell", "compiled", "DataParallel"]
    several = ["above the limit", "largest layer", "not recurrent", "not on the CPU"]
    assert sorted(printed(RULE)) == sorted([f"{name} 1" for name in one] + [f"{name} 3" for name in several])


def test_training_follows_rule_until_user_sets_a_number():
    assert printed(TRAINING) == [
        "small 1 1 3",
        "large 3 3 3",
        "default set by the user True",
        "set by the user 3 3 3",
        "one set by the user 1 1 1",
    ]


@pytest.mark.parametrize("number", ["default", "3"])
@pytest.mark.skipif(not torch.backends.mkl.is_available() or os.name == "nt", reason="detected from MKL's state only")
def test_number_set_before_import_has_priority(number):
    assert printed(BEFORE_IMPORT.format(number=number)) == ["True"]


def test_number_is_restored_after_error_and_after_other_library():
    before = torch.get_num_threads()

    def fail():
        raise RuntimeError(torch.get_num_threads())

    with pytest.raises(RuntimeError, match="3"), with_threads(3):
        fail()
    assert torch.get_num_threads() == before
    with with_threads(before):
        torch.set_num_threads(before + 1)
    assert torch.get_num_threads() == before


def test_setup_check_names_number_of_threads():
    # The tests' own number is set by the user.
    number = torch.get_num_threads()
    text = setup_check.processors().text
    assert f"PyTorch uses {number} thread" in text
    assert f"It uses {number} thread{'s' * (number != 1)} to train the default model (64 units, batches of 32)" in text


def test_queued_batch_size_sets_threads_from_its_first_epoch(monkeypatch):
    monkeypatch.setattr(torch_utils, "_set_by_user", False)
    seen = []

    class Recording(LSTMAutoencoder):
        def forward(self, sequences, lengths=None):
            if self.training:
                seen.append((len(sequences), torch.get_num_threads()))
            return super().forward(sequences, lengths)

    trainer = BatchedTrainer(Recording(hidden_size=64), batch_size=10)
    sets = torch.randn(100, 3, 1), torch.randn(4, 3, 1)
    with with_threads(3):
        for row in Run(trainer, *sets, epochs=2):
            if row.epoch == 1:
                seen.clear()
                trainer.queue("batch_size", 100)
    assert (100, 3) in seen
    assert all(threads == 3 for size, threads in seen if size == 100)
