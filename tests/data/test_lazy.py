"""Data beyond memory: the values and the training are those of data in memory, and nothing is copied whole."""

from __future__ import annotations

import copy
import pickle
import tracemalloc

import joblib
import numpy as np
import pytest
import torch
from torch.utils.data import Dataset, TensorDataset

from data import DataSet, Series, lazy, split
from data.lazy import LazyTensor, Rows
from data.windows import usable_starts
from trainers import BatchedTrainer, LSTMAutoencoder, benchmark, reconstruct
from trainers.checkpoint import describe_set
from trainers.detection import AnomalyDetector, baseline_scores, reconstruction_error
from trainers.detection.preprocessing import Scaling

RNG = np.random.default_rng(0)
VALUES = RNG.normal(size=(60, 12, 2)).cumsum(1)


@pytest.fixture(autouse=True)
def small_memory(monkeypatch):
    """Make everything above 600 bytes lazy, and read it in several chunks."""
    monkeypatch.setattr(lazy, "LARGEST_IN_MEMORY", 600)
    monkeypatch.setattr(lazy, "CHUNK", 170)


@pytest.fixture
def in_file(tmp_path):
    """Return a function that writes an array, and returns it memory-mapped."""

    def write(array, name="values.npy"):
        np.save(tmp_path / name, array)
        return np.load(tmp_path / name, mmap_mode="r")

    return write


def in_memory(monkeypatch, make):
    with monkeypatch.context() as patch:
        patch.setattr(lazy, "LARGEST_IN_MEMORY", 2**28)
        return make()


def assert_same(data, expected):
    """The lazy data has the values of the data in memory, in any batch."""
    assert isinstance(data.sequences, LazyTensor)
    assert isinstance(expected.sequences, torch.Tensor)
    assert repr(data) == repr(expected)
    for part in ("sequences", "targets", "mask"):
        one, other = getattr(data, part), getattr(expected, part)
        if other is None:
            assert one is None
            continue
        assert one.shape == other.shape
        for rows in (slice(None), slice(3, 40, 7), torch.tensor([5, 1, 5]), np.arange(len(data)) % 3 == 0, [-1]):
            torch.testing.assert_close(one[rows], other[rows], rtol=0, atol=0)
    assert (data.targets is data.sequences) == (expected.targets is expected.sequences)
    np.testing.assert_equal(data.labels, expected.labels)
    assert (data.lengths is None) == (expected.lengths is None)
    if data.lengths is not None:
        assert data.lengths.tolist() == expected.lengths.tolist()


VIEWS = {
    "float32": lambda array: array.astype(np.float32),
    "float64": lambda array: array,
    "big-endian": lambda array: array.astype(">f4"),
    "int16": lambda array: (100 * array).astype(np.int16),
    "one feature": lambda array: array[..., 0],
}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("part", [np.s_[:], np.s_[5:, ::2], np.s_[::-1]])
def test_memory_mapped_array_equals_array(in_file, monkeypatch, view, part):
    array = VIEWS[view](VALUES)
    data = DataSet(in_file(array)[part], labels=np.arange(60)[part[:1] if isinstance(part, tuple) else part] % 3)
    expected = in_memory(monkeypatch, lambda: DataSet(array[part], labels=data.labels))
    assert_same(data, expected)


@pytest.mark.parametrize("options", ["mask", "lengths", "both", "nothing masked"])
def test_masked_values_are_filled_as_in_memory(in_file, monkeypatch, options):
    mask = RNG.random((60, 12)) > (0.3 if options != "nothing masked" else -1)
    mask[:, 0] = True
    more = {} if options == "lengths" else {"mask": mask}
    if options in ("lengths", "both"):
        more["lengths"] = RNG.integers(1, 13, size=60)
    array = VALUES.copy()
    array[~mask] = np.nan
    if "lengths" in more:
        array[np.arange(12) >= more["lengths"][:, None]] = np.nan
    if options == "lengths":
        array[np.isnan(array) & (np.arange(12) < more["lengths"][:, None])[..., None]] = 0
    mapped = in_file(array)
    expected = in_memory(monkeypatch, lambda: DataSet(array, **more))
    assert_same(DataSet(mapped, **more), expected)
    if "mask" in more:
        more["mask"] = in_file(mask, "mask.npy")
        assert_same(DataSet(mapped, **more), expected)
    noisy = in_memory(monkeypatch, lambda: DataSet(VALUES, targets=array, **more))
    assert_same(DataSet(in_file(VALUES, "noisy.npy"), targets=mapped, **more), noisy)


PAIRS = {
    "x": lambda x: (x,),
    "x, label": lambda x: (x, torch.arange(60) % 2),
    "x, label per step": lambda x: (x, torch.arange(60 * 12).reshape(60, 12) % 5),
    "x, target": lambda x: (x, x + 1),
    "one feature, label per step": lambda x: (x[..., 0], torch.arange(60 * 12).reshape(60, 12) % 5),
    "one feature, target": lambda x: (x[..., 0], x[..., 1]),
    "integers, target": lambda x: ((x > 0).int()[..., 0], (x > 1).int()[..., 0]),
    "integers until the last, label per step": lambda x: (
        torch.cat([(x > 0).float()[:-1, :, 0], x[-1:, :, 0]]), (x > 1).int()[..., 0]),
    "integers, target until the last": lambda x: (
        (x > 0).float()[..., 0], torch.cat([(x > 1).float()[:-1, :, 0], x[-1:, :, 0]])),
}  # fmt: skip


@pytest.mark.parametrize("pairs", PAIRS)
def test_torch_dataset_equals_arrays(monkeypatch, pairs):
    dataset = TensorDataset(*PAIRS[pairs](torch.from_numpy(VALUES)))
    expected = in_memory(monkeypatch, lambda: DataSet(dataset))
    assert_same(DataSet(dataset), expected)
    mask = np.ones((60, 12), bool)
    mask[::7, 3] = False
    assert_same(DataSet(dataset, mask=mask), in_memory(monkeypatch, lambda: DataSet(dataset, mask=mask)))
    labels = np.zeros(60, int)
    assert_same(DataSet(dataset, labels=labels), in_memory(monkeypatch, lambda: DataSet(dataset, labels=labels)))


def test_each_item_is_read_once_in_a_check_and_once_in_a_batch():
    read = []

    class Recorded(Dataset):
        def __len__(self):
            return 60

        def __getitem__(self, i):
            read.append(i)
            return VALUES[i], VALUES[i] + 1

    data = DataSet(Recorded())
    assert read == [0, *range(60)]
    read.clear()
    trainer = BatchedTrainer(LSTMAutoencoder(n_features=2, hidden_size=2), batch_size=4, steps_per_epoch=1)
    trainer.setDataSets(data, data[:4])
    read.clear()
    trainer._batch_data(torch.tensor([7, 3, 9, 4]))
    assert read == [7, 3, 9, 4]


def gaps(values):
    values = values.copy()
    values[40:45] = values[100:103, :1] = values[199] = np.nan
    values[150:162] = np.nan
    return values


SERIES = VALUES.reshape(-1, 2)[:300]


@pytest.mark.parametrize("values", [SERIES, gaps(SERIES), SERIES[:, :1]])
@pytest.mark.parametrize(("length", "stride", "max_missing"), [(12, 1, 0.5), (10, 7, 0.1), (5, 9, 0.0)])
def test_windows_equal_those_in_memory(monkeypatch, values, length, stride, max_missing):
    series = Series(values, labels=np.arange(300) // 290, sampling_rate=2.0)
    data = series.windows(length, stride=stride, max_missing=max_missing)
    expected = in_memory(monkeypatch, lambda: series.windows(length, stride=stride, max_missing=max_missing))
    assert_same(data, expected)
    assert data.sampling_rate == 2.0
    starts = [*range(0, 300 - length, stride), 300 - length]
    kept = [s for s in starts if np.isnan(values[s : s + length]).mean() <= max_missing]
    assert len(data) == len(kept)
    known = np.stack([values[s : s + length] for s in kept]).astype(np.float32)
    np.testing.assert_array_equal(data.sequences[:][np.isfinite(known)], known[np.isfinite(known)])
    np.testing.assert_array_equal(data.labels, [int(s + length > 290) for s in kept])


def losses(history):
    return [(row.train_loss, row.validation_loss, row.restored, row.note) for row in history]


SETTINGS = [
    {},
    {"batch_size": 7, "steps_per_epoch": 20, "loss": "mse"},
    {"accumulate_grad_batches": 3, "learning_rate": 0.1, "reshuffle": False},
]


def trained(data, validation, settings):
    result = benchmark(BatchedTrainer(LSTMAutoencoder(n_features=2, hidden_size=3), **settings), data, validation,
                       epochs=3, progress=False)  # fmt: skip
    return [tensor.tolist() for tensor in result.model.state_dict().values()], losses(result.history)


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("kind", ["plain", "masked", "noisy", "windows"])
def test_training_equals_training_in_memory(in_file, monkeypatch, kind, settings):
    waves = np.sin(VALUES)
    mapped = in_file(waves)
    mask = RNG.random((60, 12)) > 0.2
    mask[:, 0] = True
    noisy = in_file(waves + 0.1 * VALUES, "noisy.npy")
    make = {
        "plain": lambda: DataSet(mapped),
        "masked": lambda: DataSet(mapped, mask=mask),
        "noisy": lambda: DataSet(noisy, targets=mapped),
        "windows": lambda: Series(gaps(np.sin(SERIES))).windows(12, stride=5),
    }[kind]
    expected = in_memory(monkeypatch, lambda: trained(make()[:40], make()[40:], settings))
    data = make()
    assert isinstance(data[:40].sequences, LazyTensor)
    assert trained(data[:40], data[40:], settings) == expected


@pytest.mark.parametrize("error", ["mae", "gaussian"])
@pytest.mark.parametrize("missing", [False, True])
def test_detector_on_lazy_windows_equals_detector_in_memory(monkeypatch, error, missing):
    wave = np.sin(np.arange(600) * 2 * np.pi / 12)[:, None] + 0.1 * RNG.normal(size=(600, 1))
    series = Series(np.concatenate([wave, wave], 1) if not missing else gaps(np.concatenate([wave, wave], 1)))

    def scores():
        model = LSTMAutoencoder(n_features=2, hidden_size=3)
        detector = AnomalyDetector(BatchedTrainer(model), window=12, rate=0.1, epochs=2, error=error)
        detector.fit(series, progress=False)
        return detector, detector.score(series)

    detector, got = scores()
    assert isinstance(detector.trainer.train_inputs, LazyTensor)
    other, expected = in_memory(monkeypatch, scores)
    if error == "mae":
        np.testing.assert_array_equal(got, expected)
        assert detector.threshold == other.threshold
    else:
        # the covariance is that of evenly spaced windows
        assert np.corrcoef(got, expected)[0, 1] > 0.5


def test_detector_on_lazy_sequences(in_file, monkeypatch):
    array = VALUES.copy()
    array[:, 3, 0] = 0
    mapped = in_file(array)
    for scaling in ("standard", "robust"):
        trainer = lambda: BatchedTrainer(LSTMAutoencoder(n_features=2, hidden_size=3))  # noqa: E731
        detector = AnomalyDetector(trainer(), rate=0.2, epochs=1, scaling=scaling).fit(DataSet(mapped), progress=False)
        assert isinstance(detector.trainer.train_inputs, LazyTensor)
        scores = detector.score(DataSet(mapped))
        expected = in_memory(monkeypatch, lambda: detector.score(DataSet(mapped)))  # noqa: B023
        np.testing.assert_array_equal(scores, expected)
        with pytest.raises(ValueError, match="fit into memory"):
            detector.explain(DataSet(mapped))
        detector.explain(DataSet(mapped)[:2])


BAD = {
    "NaN": (np.nan, "got nan in sequence 41, time step 3, feature 1 .2 such values"),
    "infinite": (np.inf, "got inf in sequence 41"),
    "too large": (1e300, "representable in float32, got 1e.300 in sequence 41"),
}


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("part", ["sequences", "targets", "items", "second items"])
def test_bad_value_has_the_message_of_data_in_memory(in_file, monkeypatch, bad, part):
    array = VALUES.copy()
    array[41, 3, 1] = array[50, 0, 0] = BAD[bad][0]
    mapped, good = in_file(array), in_file(VALUES, "good.npy")
    make = {
        "sequences": lambda: DataSet(mapped),
        "targets": lambda: DataSet(good, targets=mapped),
        "items": lambda: DataSet(TensorDataset(torch.from_numpy(array))),
        "second items": lambda: DataSet(TensorDataset(torch.from_numpy(VALUES), torch.from_numpy(array))),
    }[part]
    with pytest.raises(ValueError, match=BAD[bad][1]) as error:
        make()
    with pytest.raises(ValueError, match=BAD[bad][1]) as expected:
        in_memory(monkeypatch, make)
    assert str(error.value) == str(expected.value)


@pytest.mark.parametrize(
    ("array", "more", "wanted"),
    [
        (np.full((60, 12, 2), 2**24 + 1, dtype=np.int64), {}, "got 16777217 in sequence 0"),
        (1e9 + VALUES / 1000, {}, "more than the precision of float32"),
        (VALUES.astype(complex), {}, "real numbers"),
        (VALUES > 0, {}, "got bools"),
        (VALUES, {"mask": np.arange(60)[:, None] != np.full(12, 57)}, "sequence 57 of 'data' must have unmasked"),
        (VALUES, {"mask": np.ones((60, 11), bool)}, "bool array of shape"),
        (VALUES, {"lengths": [13] * 60}, "integers from 1 to 12"),
        (VALUES, {"labels": [0, -1] * 30}, "got -1"),
        (VALUES, {"targets": VALUES[:59]}, "must have the shape .60"),
    ],
)
def test_invalid_array_raises_as_in_memory(in_file, array, more, wanted):
    with pytest.raises((TypeError, ValueError), match=wanted):
        DataSet(in_file(array), **more)


class Items(Dataset):
    def __init__(self, items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


@pytest.mark.parametrize(
    ("items", "wanted"),
    [
        ([VALUES[0]] * 50 + [VALUES[0, :5]], "DataSet.padded"),
        ([(VALUES[0], 1)] * 50 + [(VALUES[0],)], "each item of a torch Dataset"),
        ([(VALUES[0], 1)] * 50 + [(VALUES[0], 1.5)], "each item of a torch Dataset"),
        ([(VALUES[0], VALUES[0, :3])] * 50, "each item of a torch Dataset"),
        ([(VALUES[0], 1, 2)] * 50, "each item of a torch Dataset"),
        ([], "not empty"),
        (["text"] * 50, "real numbers"),
    ],
)
def test_invalid_items_raise(items, wanted):
    with pytest.raises((TypeError, ValueError), match=wanted):
        DataSet(Items(items))


@pytest.mark.parametrize(
    "use",
    [
        np.asarray,
        torch.abs,
        torch.nn.Linear(2, 2),
        LSTMAutoencoder(n_features=2),
        lambda x: x + 1,
        lambda x: torch.ones(60, 12, 2) - x,
        lambda x: x - torch.ones(60, 12, 2),
        lambda x: x == torch.ones(60, 12, 2),
        lambda x: reconstruct(LSTMAutoencoder(n_features=2), DataSet(x)),
        lambda x: x.numpy(),
        lambda x: x.reshape(60, -1),
        lambda x: x[..., 0],
        lambda x: baseline_scores("1-NN", DataSet(x), VALUES),
    ],
)
def test_use_of_the_whole_raises(in_file, use):
    with pytest.raises((TypeError, ValueError, AttributeError), match=r"be indexed|unsupported operand|fit into"):
        use(DataSet(in_file(VALUES)).sequences)


def test_rows_are_indexed_as_those_of_a_tensor(in_file):
    x, array = DataSet(in_file(VALUES)).sequences, torch.from_numpy(VALUES).float()
    pairs = (torch.arange(5), torch.tensor([1, 2, 3, 4, 11]))
    for index in (0, -1, np.int64(3), (2, slice(None), 1), (slice(3), 4), [], slice(0), pairs, ([1, 59], 0)):
        assert torch.equal(x[index], array[index])
    assert torch.equal(x[np.array([1, 59], np.uint8)], array[[1, 59]])
    for index in (60, [0, -61], np.ones(59, bool), np.ones((60, 12), bool), 1.5, None):
        with pytest.raises((IndexError, TypeError), match=r"must be|beyond memory"):
            x[index]


def test_pickled_rows_have_changes_that_the_file_lacks(tmp_path):
    np.save(tmp_path / "values.npy", VALUES)
    array = np.load(tmp_path / "values.npy", mmap_mode="c")
    array *= 100
    sequences = pickle.loads(pickle.dumps(DataSet(array).sequences))
    np.testing.assert_array_equal(sequences[:], (100 * VALUES).astype(np.float32))


def test_scaling_of_lazy_sequences(in_file, monkeypatch):
    lazily = Scaling("standard", DataSet(in_file(VALUES)))
    whole = in_memory(monkeypatch, lambda: Scaling("standard", DataSet(VALUES)))
    np.testing.assert_allclose(lazily.center, whole.center, rtol=1e-6)
    np.testing.assert_allclose(lazily.divisor, whole.divisor, rtol=1e-6)


def test_scaling_of_a_feature_that_begins_late(in_file, monkeypatch):
    mask = np.ones(VALUES.shape, bool)
    mask[:30, :, 1] = False
    lazily = Scaling("standard", DataSet(in_file(VALUES), mask=mask))
    whole = in_memory(monkeypatch, lambda: Scaling("standard", DataSet(VALUES, mask=mask)))
    np.testing.assert_allclose(lazily.center, whole.center, rtol=1e-6)


def test_items_of_another_shape_raise():
    items = [np.ones((12, 2)) + i for i in range(30)] + [np.ones((2, 12)) + i for i in range(30)]
    with pytest.raises(TypeError, match="must have items of one shape"):
        DataSet(Items(items))


def test_change_of_a_batch_does_not_reach_the_file(tmp_path):
    file = np.memmap(tmp_path / "values", np.float32, "w+", shape=(60, 12, 2))
    file[:] = VALUES
    data = DataSet(file)
    data.sequences[:4].zero_()
    trainer = BatchedTrainer(LSTMAutoencoder(n_features=2, hidden_size=2))
    trainer.setDataSets(data, data[:4])
    inputs, targets, *_ = trainer._batch_data(torch.tensor([1, 2]))
    inputs.zero_()
    assert torch.equal(targets, torch.from_numpy(VALUES[1:3]).float())
    np.testing.assert_array_equal(file, VALUES.astype(np.float32))


@pytest.mark.parametrize("part", [np.s_[:], np.s_[5:, ::2], np.s_[::-1, :, 1:], np.s_[:, ::-1]])
def test_copies_and_pickles_open_the_file_again(in_file, part):
    data = DataSet(in_file(RNG.normal(size=(1000, 12, 2)))[part])
    for other in (pickle.loads(pickle.dumps(data)), copy.deepcopy(data)):
        assert torch.equal(other.sequences[:], data.sequences[:])
    # the file has 192 kB
    assert len(pickle.dumps(data.sequences)) < 2000
    (worker,) = joblib.Parallel(n_jobs=2)([joblib.delayed(total)(data)])
    assert worker == total(data)


def total(data):
    return sum(float(batch.sum()) for batch in (data.sequences[i : i + 100] for i in range(0, len(data), 100)))


def test_pickled_windows_do_not_contain_the_windows():
    series = Series(RNG.normal(size=5000))
    data = series.windows(100)
    assert len(pickle.dumps(data)) < 4 * 5000 + 8 * 4901 + 5000
    assert torch.equal(pickle.loads(pickle.dumps(data)).sequences[17:19], data.sequences[17:19])


def test_split_and_subsets_stay_lazy_without_a_second_check(in_file, monkeypatch):
    array = np.concatenate([VALUES, VALUES[:5]])
    data = DataSet(in_file(array), labels=[0] * 58 + [1] * 7, sampling_rate=3.0)
    monkeypatch.setattr(Rows, "__call__", lambda *_: pytest.fail("read"))
    part = data[data.labels == 0]
    assert isinstance(part.sequences, LazyTensor)
    assert part.sampling_rate == 3.0
    assert repr(part) == "DataSet 'data': 58 sequences of 12 steps, 2 features; 58 normal"
    assert data.abnormal.sum() == 7
    monkeypatch.undo()
    monkeypatch.setattr(lazy, "LARGEST_IN_MEMORY", 600)
    parts = split(data)
    assert isinstance(parts.training.sequences, LazyTensor)
    rows = [{row.numpy().tobytes() for row in one.sequences[:]} for one in parts]
    assert not any(rows[i] & rows[j] for i in range(4) for j in range(i))
    assert set.union(*rows) == {row.astype(np.float32).tobytes() for row in array}
    small = data[:3]
    assert isinstance(small.sequences, torch.Tensor)
    assert torch.equal(small.sequences, data.sequences[:3])
    with pytest.raises(ValueError, match="not empty"):
        data[:0]


@pytest.mark.parametrize("allow", [(), ("data",)])
def test_checkpoint_continues_only_with_the_same_data(in_file, tmp_path, allow):
    def run(data, epochs, name, allow=()):
        trainer = BatchedTrainer(LSTMAutoencoder(n_features=2, hidden_size=2))
        return benchmark(
            trainer, data, data[:4], epochs=epochs, checkpoint=tmp_path / name, allow=allow, progress=False
        )

    data = DataSet(in_file(np.sin(VALUES)))
    assert "checksum of 6 evenly spaced sequences" in describe_set(data)
    assert describe_set(data) == describe_set(DataSet(in_file(np.sin(VALUES), "copy.npy")))
    other = np.sin(VALUES)
    # the last sequence is in every sample
    other[-1] += 1
    other = DataSet(in_file(other, "other.npy"))
    run(data, 1, "a")
    whole = run(data, 3, "b")
    if allow:
        assert len(run(other, 2, "a", allow).history) == 2
        return
    with pytest.raises(ValueError, match="evenly spaced"):
        run(other, 3, "a")
    continued = run(data, 3, "a", ("epochs",))
    assert losses(continued.history) == losses(whole.history)


def test_usable_starts_use_no_memory_for_windows():
    series = Series(gaps(np.tile(SERIES, (200, 1))))
    tracemalloc.start()
    try:
        starts, missing = usable_starts(series.values, 1000, 1, 0.5)
        assert tracemalloc.get_traced_memory()[1] < 20 * len(series) * 8
    finally:
        tracemalloc.stop()
    assert missing
    assert len(starts) == len(series) - 999


def test_reconstruction_errors_are_those_in_memory(in_file, monkeypatch):
    mapped = in_file(VALUES)
    model = LSTMAutoencoder(n_features=2, hidden_size=3)
    lengths = np.arange(60) % 12 + 1
    for kind in ("mae", "max"):
        scores = reconstruction_error(model, DataSet(mapped, lengths=lengths), kind=kind, smooth=2)
        expected = in_memory(
            monkeypatch,
            lambda kind=kind: reconstruction_error(model, DataSet(mapped, lengths=lengths), kind=kind, smooth=2),
        )
        np.testing.assert_allclose(scores, expected, rtol=1e-5)
