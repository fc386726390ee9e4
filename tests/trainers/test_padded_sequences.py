"""Sequences of different lengths or with missing values: padding and gaps have no effect."""

import numpy as np
import pytest
import torch

from data import DataSet
from trainers import BatchedTrainer, LSTMAutoencoder, benchmark, reconstruct
from trainers.losses import mean_loss

LENGTHS = [5, 12, 9, 12, 7, 6, 11, 8]


def waves(seed=0, features=2):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(n, features)).cumsum(0).astype(np.float32) for n in LENGTHS]


def model_of(decoding="forward", **more):
    return LSTMAutoencoder(n_features=2, hidden_size=6, decoding=decoding, seed=1, **more)


@pytest.mark.parametrize("decoding", ["forward", "reverse", "encdec-ad"])
@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("patch_size", [1, 4, 20])
def test_padding_does_not_affect_reconstruction(decoding, bidirectional, patch_size):
    model, sequences = model_of(decoding, bidirectional=bidirectional, patch_size=patch_size), waves()
    reconstruction = reconstruct(model, DataSet.padded(sequences))
    for one, together in zip(sequences, reconstruction, strict=True):
        torch.testing.assert_close(together[: len(one)], reconstruct(model, one[None])[0])


@pytest.mark.parametrize("patch_size", [1, 4])
def test_padding_does_not_affect_teacher_forcing(patch_size):
    model, sequences = model_of("encdec-ad", patch_size=patch_size), waves()
    data = DataSet.padded(sequences)
    together = model.train()(data.sequences, data.lengths)
    for one, output in zip(sequences, together, strict=True):
        torch.testing.assert_close(output[: len(one)], model(torch.from_numpy(one)[None])[0])


@pytest.mark.parametrize("decoding", ["forward", "reverse", "encdec-ad"])
@pytest.mark.parametrize("training", [True, False])
def test_values_in_padding_of_a_patch_have_no_effect(decoding, training):
    model, data = model_of(decoding, patch_size=4).train(training), DataSet.padded(waves())
    other = torch.where(data.mask, data.sequences, 1e3)
    outputs = [model(x, data.lengths)[data.mask] for x in (data.sequences, other)]
    assert torch.equal(*outputs)


@pytest.mark.parametrize("loss", ["mae", "mse"])
def test_validation_loss_is_mean_over_unpadded_values(loss):
    model, sequences = model_of(), waves()
    data = DataSet.padded(sequences, length=20)
    errors = [np.abs(reconstruct(model, one[None])[0].numpy() - one) ** (1 + (loss == "mse")) for one in sequences]
    got = mean_loss(model, data.sequences, data.targets, loss, mask=data.mask, lengths=data.lengths, batch_size=3)
    assert got == pytest.approx(np.concatenate(errors).mean(), rel=1e-5)


@pytest.mark.parametrize("decoding", ["forward", "encdec-ad"])
@pytest.mark.parametrize("patch_size", [1, 4])
def test_training_does_not_depend_on_padded_length(decoding, patch_size):
    losses = []
    for length in (12, 30):
        data = DataSet.padded(waves(), length=length)
        trainer = BatchedTrainer(model_of(decoding, patch_size=patch_size), batch_size=4)
        losses.append(benchmark(trainer, data, data, epochs=3).history.to_frame()[["train_loss", "validation_loss"]])
    np.testing.assert_allclose(*losses, rtol=1e-4)


def test_training_does_not_depend_on_masked_targets():
    rng = np.random.default_rng(0)
    sequences, mask = rng.normal(size=(8, 12, 2)), rng.random((8, 12, 2)) < 0.7
    histories = []
    for value in (0, 1e6):
        targets = np.where(mask, sequences, value)
        data = DataSet(np.where(mask, sequences, np.nan), targets=targets, mask=mask)
        trainer = BatchedTrainer(model_of(), batch_size=4, loss="mse")
        histories.append(benchmark(trainer, data, data, epochs=2).history.to_frame()[["train_loss", "validation_loss"]])
    np.testing.assert_array_equal(*histories)


def test_missing_values_are_interpolated_and_subsets_keep_mask():
    nan = np.nan
    data = DataSet([[1, nan, 3, nan], [nan, 2, nan, 8]], mask=np.array([[1, 0, 1, 0], [0, 1, 0, 1]], dtype=bool))
    np.testing.assert_array_equal(data.sequences[..., 0], [[1, 2, 3, 3], [2, 2, 5, 8]])
    part = data[1:]
    np.testing.assert_array_equal(part.mask[..., 0], [[False, True, False, True]])


def test_subsets_keep_lengths():
    part = DataSet.padded(waves())[[2, 0]]
    assert part.lengths.tolist() == [9, 5]
    assert part.mask.sum((1, 2)).tolist() == [18, 10]


@pytest.mark.parametrize(
    ("options", "remedy"),
    [
        ({"mask": [[True, False]]}, "of shape"),
        ({"mask": np.ones((2, 3))}, "a bool array"),
        ({"mask": [[True, True, True], [False] * 3]}, "sequence 1 of 'data' must have unmasked values"),
        ({"lengths": [3]}, "one for each of the 2"),
        ({"lengths": [0, 3]}, "from 1 to 3"),
        ({"lengths": [3, 4]}, "from 1 to 3"),
        ({"lengths": [3.0, 2.0]}, "integers"),
    ],
)
def test_invalid_masks_and_lengths_raise(options, remedy):
    with pytest.raises(ValueError, match=remedy):
        DataSet(np.zeros((2, 3)), **options)


@pytest.mark.parametrize(
    ("sequences", "length", "remedy"),
    [
        ([], None, "got 0"),
        ([[1.0], []], None, "with at least one time step"),
        ([np.zeros((3, 1)), np.zeros((3, 2))], None, "the same number of features"),
        ([[1.0, 2.0]], 1, "length must be an integer of at least 2, got 1"),
    ],
)
def test_invalid_sequences_for_padding_raise(sequences, length, remedy):
    with pytest.raises(ValueError, match=remedy):
        DataSet.padded(sequences, length=length)


def test_forward_assigned_to_submodule_must_receive_lengths():
    submodule, model = model_of(), torch.nn.Module()
    plain = submodule.forward
    submodule.forward = lambda sequences, lengths=None: plain(sequences, lengths)
    model.submodule = submodule
    model.forward = lambda x: submodule(x)
    with pytest.raises(ValueError, match="must pass `lengths`"):
        reconstruct(model, DataSet.padded(waves()))
