"""One CPU thread for a small recurrent model; PyTorch's own number before and after."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from trainers import BatchedTrainer, LSTMAutoencoder, benchmark
from trainers.threads import SMALL, useful_threads, with_threads

CPU = torch.device("cpu")


@pytest.fixture
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def test_small_layers_and_batches_are_worth_one_thread(three_threads):
    units = 16
    assert useful_threads(nn.LSTM(1, units), SMALL // units, CPU) == 1
    assert useful_threads(nn.LSTM(1, units), SMALL // units + 1, CPU) == 3
    assert useful_threads(nn.Sequential(nn.GRU(1, 4), nn.GRU(1, units)), SMALL // units + 1, CPU) == 3, "the largest"


def test_others_are_worth_as_many_as_there_are(three_threads, monkeypatch):
    assert useful_threads(nn.Linear(2, 2), 1, CPU) == 3, "nothing recurrent"
    assert useful_threads(nn.LSTM(1, 4), 2, torch.device("meta")) == 3, "not on the CPU"
    monkeypatch.setenv("TRAINERS_ONE_THREAD", "0")
    assert useful_threads(nn.LSTM(1, 4), 2, CPU) == 3, "switched off"


def test_the_number_is_given_back_after_an_error_too(three_threads):
    def fail():
        raise RuntimeError(torch.get_num_threads())

    with pytest.raises(RuntimeError, match="1"), with_threads(1):
        fail()
    assert torch.get_num_threads() == 3


class Seen(LSTMAutoencoder):
    """Writes down how many threads there are when it learns."""

    def forward(self, *args, **kwargs):
        if self.training:
            self.__dict__.setdefault("seen", set()).add(torch.get_num_threads())
        return super().forward(*args, **kwargs)


@pytest.mark.parametrize(("batch_size", "threads"), [(10, 1), (30, 3)])
def test_an_epoch_takes_that_many_and_the_result_says_so(three_threads, monkeypatch, batch_size, threads):
    monkeypatch.setattr("trainers.threads.SMALL", 8 * 20)
    model = Seen(hidden_size=8)
    data = torch.randn(40, 12, generator=torch.Generator().manual_seed(0))
    trainer = BatchedTrainer(model, batch_size=batch_size, n_batches=2)
    result = benchmark(trainer, data, data[:20], epochs=2, progress=False)
    assert model.seen == {threads}
    assert result.threads == threads
    assert torch.get_num_threads() == 3
