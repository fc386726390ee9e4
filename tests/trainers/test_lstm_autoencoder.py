"""`LSTMAutoencoder`: shapes, independence of the sequences, and effects of the hyperparameters."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

from trainers import BatchedTrainer, LSTMAutoencoder, benchmark
from trainers.torch_utils import copy_state

from .contract import same

KINDS = [
    {"decoding": decoding, "bidirectional": both, "latent_size": latent}
    for decoding, both, latent in itertools.product(("forward", "reverse", "encdec-ad"), (True, False), (None, 3))
]
# 12 steps are not a multiple of 5, and 1 step is less than a patch
KINDS += [
    {"decoding": decoding, "bidirectional": True, "latent_size": 3, "patch_size": 5}
    for decoding in ("forward", "reverse", "encdec-ad")
]


def sequences(n=5, time=12, features=1):
    return torch.randn(n, time, features, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("features", [1, 3])
def test_output_has_shape_of_input(kind, training, features):
    model = LSTMAutoencoder(n_features=features, hidden_size=5, **kind).train(training)
    for n, time in ((5, 12), (1, 12), (5, 1), (2, 300)):
        x = sequences(n, time, features)
        assert model(x).shape == x.shape


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("training", [True, False])
def test_sequences_of_batch_are_independent(kind, training):
    model = LSTMAutoencoder(hidden_size=5, **kind).train(training)
    x, order = sequences(), torch.tensor([3, 0, 4, 1, 2])
    with torch.no_grad():
        together, permuted = model(x), model(x[order])
        alone = torch.cat([model(one) for one in x.split(1)])
    torch.testing.assert_close(permuted, together[order])
    torch.testing.assert_close(alone, together)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind["latent_size"]], ids=str)
def test_output_depends_only_on_latent_vector(kind):
    model = LSTMAutoencoder(hidden_size=5, **kind).eval()
    x = sequences()
    assert model.encode(x).shape == (5, 3)
    torch.testing.assert_close(model.decode(model.encode(x), 12), model(x))


def test_reverse_decoding_begins_with_last_step():
    forward, reverse = (LSTMAutoencoder(hidden_size=5, decoding=decoding) for decoding in ("forward", "reverse"))
    torch.testing.assert_close(reverse(sequences()), forward(sequences()).flip(1))


def test_encdec_ad_uses_teacher_forcing_in_training_only():
    """Compare with a plain decoder that runs from the last time step to the first."""
    model = LSTMAutoencoder(hidden_size=5, decoding="encdec-ad", bidirectional=False, time_encoding=0)
    x = sequences()
    weights = dict(model.decoder.named_parameters())
    cell = nn.LSTMCell(1, 5)
    cell.load_state_dict({name.removesuffix("_l0"): value for name, value in weights.items()})
    for training in (True, False):
        model.train(training)
        _, (hidden, memory) = model.encoder(x)
        hidden, memory = hidden[0], memory[0]
        outputs = [model.to_output(hidden)]
        for time in range(11, 0, -1):
            hidden, memory = cell(x[:, time] if training else outputs[-1], (hidden, memory))
            outputs.append(model.to_output(hidden))
        torch.testing.assert_close(model(x), torch.stack(outputs[::-1], 1))
    assert model.training_note == "under teacher forcing"


@pytest.mark.parametrize("decoding", ["forward", "reverse", "encdec-ad"])
@pytest.mark.parametrize("training", [True, False])
def test_patches_are_steps_of_a_plain_loop(decoding, training):
    """Compare 7 steps in patches of 3 with loops over three patches, the last of which repeats the last value twice."""
    model = LSTMAutoencoder(
        n_features=2, hidden_size=5, decoding=decoding, bidirectional=False, time_encoding=1, patch_size=3, seed=1
    ).train(training)
    cells = {"encoder": nn.LSTMCell(6, 5), "decoder": nn.LSTMCell(8 if decoding == "encdec-ad" else 7, 5)}
    for name, cell in cells.items():
        weights = getattr(model, name).named_parameters()
        cell.load_state_dict({key.removesuffix("_l0"): value for key, value in weights})
    x = sequences(time=7, features=2)
    patches = [torch.cat([x[:, min(step, 6)] for step in range(at, at + 3)], 1) for at in (0, 3, 6)]
    hidden = memory = torch.zeros(5, 5)
    for patch in patches:
        hidden, memory = cells["encoder"](patch, (hidden, memory))
    # sine and cosine of the position of each patch
    times = [torch.tensor([[sin, cos]]).expand(5, 2) for sin, cos in ((0, 1), (0.75**0.5, 0.5), (0.75**0.5, -0.5))]
    if decoding == "encdec-ad":
        outputs = [model.to_output(hidden)]
        for at in (1, 0):
            before = patches[at + 1] if training else outputs[-1]
            hidden, memory = cells["decoder"](torch.cat([before, times[at]], 1), (hidden, memory))
            outputs.append(model.to_output(hidden))
    else:
        outputs, latent, state = [], hidden, None
        for time in times:
            state = cells["decoder"](torch.cat([latent, time], 1), state)
            outputs.append(model.to_output(state[0]))
    ordered = outputs if decoding == "forward" else outputs[::-1]
    steps = [patch[:, 2 * step : 2 * step + 2] for patch in ordered for step in range(3)]
    torch.testing.assert_close(model(x), torch.stack(steps[:7], 1))


def test_sequence_shorter_than_a_patch_is_one_patch():
    model = LSTMAutoencoder(hidden_size=5, patch_size=20)
    x = sequences()
    completed = torch.cat([x, x[:, -1:].expand(-1, 8, -1)], 1)
    torch.testing.assert_close(model(x), model(completed)[:, :12])
    assert model.encoder.input_size == model.to_output.out_features == 20


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "patch_size" in kind], ids=str)
def test_every_weight_has_a_gradient_with_patches(kind):
    model = LSTMAutoencoder(hidden_size=5, **kind)
    x = sequences()
    (model(x) - x).abs().mean().backward()
    for name, weights in model.named_parameters():
        assert weights.grad.abs().sum() > 0, name


@pytest.mark.parametrize(("value", "error"), [(0, ValueError), (-1, ValueError), (2.5, TypeError), (None, TypeError)])
def test_invalid_patch_size_raises(value, error):
    with pytest.raises(error, match=rf"patch_size must be an integer of at least 1, got {value}"):
        LSTMAutoencoder(patch_size=value)


def test_encdec_ad_with_several_layers_raises():
    with pytest.raises(ValueError, match=r"n_layers must be 1 .*got 2"):
        LSTMAutoencoder(decoding="encdec-ad", n_layers=2)


def test_time_encoding_helps_decoder():
    """Without it, the decoder has a constant input and converges; with it, the decoder can follow a fast wave."""
    wave = torch.sin(torch.arange(30) * 1.6).repeat(16, 1)
    losses = {}
    for pairs in (0, 8):
        model = LSTMAutoencoder(hidden_size=8, time_encoding=pairs)
        trainer = BatchedTrainer(model, batch_size=8, learning_rate=0.02)
        losses[pairs] = benchmark(trainer, wave, wave, epochs=40).history.best.validation_loss
    assert losses[8] < 0.5 * losses[0]


def test_orthogonal_initialization_and_forget_bias():
    model = LSTMAutoencoder(hidden_size=6, n_layers=2)
    for lstm in (model.encoder, model.decoder):
        for name, weights in lstm.named_parameters():
            gates = weights.detach().chunk(4)
            if "weight_hh" in name:
                for gate in gates:
                    torch.testing.assert_close(gate @ gate.T, torch.eye(6), atol=1e-5, rtol=0)
            elif "bias" in name:
                for number, gate in enumerate(gates):
                    assert (gate == (1.0 if number == 1 and "bias_ih" in name else 0.0)).all()


def test_torch_initialization_is_unchanged():
    model = LSTMAutoencoder(hidden_size=6, initialization="torch", forget_bias=None)
    for _, weights in model.encoder.named_parameters():
        assert weights.abs().max() <= 6**-0.5
        assert weights.unique().numel() == weights.numel()


def test_seed_determines_weights_and_global_state_is_unchanged():
    state = torch.get_rng_state()
    one, again, other = LSTMAutoencoder(seed=1), LSTMAutoencoder(seed=1), LSTMAutoencoder(seed=2)
    assert torch.equal(torch.get_rng_state(), state)
    assert same(copy_state(one), copy_state(again))
    assert not same(copy_state(one), copy_state(other))


def test_dropout_is_used_in_training_only():
    model = LSTMAutoencoder(hidden_size=16, dropout=0.5)
    x = sequences()
    assert not torch.equal(model.train()(x), model(x))
    assert torch.equal(model.eval()(x), model(x))
    assert model.training_note == "with dropout"


@pytest.mark.parametrize("shape", [(5, 12), (5, 12, 2), (12,), (1, 5, 12, 1)])
def test_wrong_shape_raises(shape):
    with pytest.raises(ValueError, match=r"must have shape \(n, time, n_features=1\), got"):
        LSTMAutoencoder()(torch.zeros(shape))
