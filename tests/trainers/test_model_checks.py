"""Users' models: valid ones train, and models that would fail or mislead raise an error before the training."""

from __future__ import annotations

import functools
import threading

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import parametrizations
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torch.utils.checkpoint import checkpoint

from data import DataSet
from trainers import BatchedTrainer, LSTMAutoencoder, benchmark, reconstruct
from trainers.losses import mean_loss
from trainers.torch_utils import copy_state, load_state

from .contract import same

# torch.compile reads this attribute during compilation
pytestmark = pytest.mark.filterwarnings(
    "ignore:The .grad attribute of a Tensor:UserWarning", "ignore:result.model is the trainer's own model:UserWarning"
)

LENGTH = 8
SEQUENCES = torch.randn(33, LENGTH, 1, generator=torch.Generator().manual_seed(0)).cumsum(1)


def function_model(forward, **parts):
    """Return a module with these submodules and the method `forward(self, x)`."""
    net = type("Net", (nn.Module,), {"forward": forward})()
    for name, part in parts.items():
        setattr(net, name, part)
    return net


def linear(n_in=1, n_out=1):
    return nn.Linear(n_in, n_out)


def recurrent(kind=nn.LSTM, **options):
    return function_model(lambda self, x: self.out(self.rnn(x)[0]), rnn=kind(1, 4, **options), out=linear(4))


def over_time(*layers):
    """Return a model with layers on (n, time), for one feature."""
    return function_model(lambda self, x: self.layers(x[..., 0])[..., None], layers=nn.Sequential(*layers))


def over_channels(*layers):
    """Return a model with layers on (n, channel, time), the shape of convolutions."""
    return function_model(lambda self, x: self.layers(x.transpose(1, 2)).transpose(1, 2), layers=nn.Sequential(*layers))


def attention(**options):
    def forward(self, x):
        embedded = self.embed(x)
        return self.out(self.attend(embedded, embedded, embedded)[0])

    return function_model(forward, embed=linear(1, 4), attend=nn.MultiheadAttention(4, 2, **options), out=linear(4))


def sampling(draw):
    """Return a variational autoencoder that samples in evaluation mode as well."""

    def forward(self, x):
        mean, log_scale = self.encode(x[..., 0]).chunk(2, 1)
        return self.decode(mean + log_scale.exp() * draw(mean.shape))[..., None]

    return function_model(forward, encode=linear(LENGTH, 4), decode=linear(2, LENGTH))


def with_generator(generator):
    def draw(self, shape):
        if isinstance(self.generator, torch.Generator):
            return torch.randn(shape, generator=self.generator)
        return torch.tensor(self.generator.standard_normal(shape)).float()

    def forward(self, x):
        return self.layer(x) + 0.1 * draw(self, x.shape)

    return function_model(forward, layer=linear(), generator=generator)


def tied():
    return function_model(lambda self, x: (self.a(x[..., 0]) @ self.a.weight)[..., None], a=linear(LENGTH, 3))


def built_at_first_use():
    def forward(self, x):
        if not hasattr(self, "layer"):
            self.layer = nn.Linear(x.shape[1], x.shape[1])
        return self.layer(x[..., 0])[..., None] + self.bias(x)

    return function_model(forward, bias=linear())


def growing_bank():
    def forward(self, x):
        if self.training:
            self.bank = torch.cat([self.bank, x.detach().mean((1, 2))])[-50:]
        return self.layer(x)

    net = function_model(forward, layer=linear())
    net.register_buffer("bank", torch.zeros(0))
    return net


def with_buffer(buffer, use=lambda buffer, x: x * buffer):
    net = function_model(lambda self, x: self.layer(use(self.kept, x)), layer=linear())
    net.register_buffer("kept", buffer)
    return net


def normalizing():
    """Return a model that stores statistics of its input as attributes, as reversible instance normalization does."""

    def forward(self, x):
        self.mean, self.scale = x.mean(1, keepdim=True), x.std(1, keepdim=True) + 1e-5
        return self.layer((x - self.mean) / self.scale) * self.scale + self.mean

    return function_model(forward, layer=linear())


def storing_attention():
    def forward(self, x):
        self.weights = torch.softmax(self.score(x), 1)
        return self.out(self.weights * x)

    return function_model(forward, score=linear(), out=linear())


def partly_frozen():
    net = nn.Sequential(linear(1, 4), nn.Tanh(), linear(4, 1))
    net[0].requires_grad_(False)
    return net


def zero_start():
    net = recurrent(batch_first=True)
    nn.init.zeros_(net.out.weight)
    nn.init.zeros_(net.out.bias)
    return net


def uncopyable():
    net = over_time(linear(LENGTH, 4), nn.BatchNorm1d(4), linear(4, LENGTH))
    net.lock = threading.Lock()
    return net


def transformer(**options):
    layer = nn.TransformerEncoderLayer(4, 2, 8, **options)
    return nn.Sequential(linear(1, 4), nn.TransformerEncoder(layer, 1, enable_nested_tensor=False), linear(4, 1))


def spectrum(self, x):
    return torch.fft.irfft(torch.fft.rfft(self.layer(x), dim=1), n=x.shape[1], dim=1)


def rescaled(self, x):
    """Return outputs far from zero, with rounding errors that are large compared with differences of sequences."""
    return self.layer(x) + 1e5


VALID = {
    "LSTM": lambda: recurrent(batch_first=True),
    "bidirectional GRU": lambda: function_model(
        lambda self, x: self.out(self.rnn(x)[0]), rnn=nn.GRU(1, 4, batch_first=True, bidirectional=True), out=linear(8)
    ),
    "time first inside": lambda: function_model(
        lambda self, x: self.out(self.rnn(x.transpose(0, 1))[0]).transpose(0, 1), rnn=nn.LSTM(1, 4), out=linear(4)
    ),
    "the kit's": lambda: LSTMAutoencoder(hidden_size=4, dropout=0.5),
    "EncDec-AD": lambda: LSTMAutoencoder(hidden_size=4, decoding="encdec-ad"),
    "dense": lambda: over_time(linear(LENGTH, 3), nn.ReLU(), linear(3, LENGTH)),
    "convolution": lambda: over_channels(nn.Conv1d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv1d(4, 1, 3, padding=1)),
    "batch norm of channels": lambda: over_channels(nn.Conv1d(1, 4, 1), nn.BatchNorm1d(4), nn.Conv1d(4, 1, 1)),
    "instance norm": lambda: over_channels(nn.Conv1d(1, 4, 1), nn.InstanceNorm1d(4), nn.Conv1d(4, 1, 1)),
    "group and layer norm": lambda: over_time(
        linear(LENGTH, 4), nn.GroupNorm(2, 4), nn.LayerNorm(4), linear(4, LENGTH)
    ),
    "dropout": lambda: over_time(nn.Dropout(0.5), linear(LENGTH, LENGTH)),
    "attention": lambda: attention(batch_first=True),
    "transformer": lambda: transformer(batch_first=True),
    "draws from torch": lambda: sampling(torch.randn),
    "draws from numpy": lambda: sampling(lambda shape: torch.tensor(np.random.standard_normal(shape)).float()),
    "draws from its own generator": lambda: with_generator(torch.Generator().manual_seed(0)),
    "draws from its own numpy generator": lambda: with_generator(np.random.default_rng(0)),
    "tied weights": tied,
    "weight norm": lambda: over_time(parametrizations.weight_norm(linear(LENGTH, LENGTH))),
    "spectral norm": lambda: over_time(parametrizations.spectral_norm(linear(LENGTH, LENGTH))),
    "older spectral norm": lambda: over_time(nn.utils.spectral_norm(linear(LENGTH, LENGTH))),
    "orthogonal": lambda: over_time(parametrizations.orthogonal(linear(LENGTH, LENGTH))),
    "lazy dense": lambda: over_time(nn.LazyLinear(4), nn.LazyBatchNorm1d(), nn.LazyLinear(LENGTH)),
    "lazy convolution": lambda: over_channels(nn.LazyConv1d(4, 3, padding=1), nn.ReLU(), nn.LazyConv1d(1, 1)),
    "built at first use": built_at_first_use,
    "growing bank": growing_bank,
    "expanded buffer": lambda: with_buffer(torch.ones(1, 1).expand(LENGTH, 1)),
    "no buffer": lambda: with_buffer(None, lambda buffer, x: x),
    "normalizes each sequence": normalizing,
    "stores its attention": storing_attention,
    "partly frozen": partly_frozen,
    "zero output layer": zero_start,
    "not copyable": uncopyable,
    "spectrum": lambda: function_model(spectrum, layer=linear()),
    "float64 inside": lambda: function_model(lambda self, x: self.layer(x.double()), layer=linear().double()),
    "checkpointed": lambda: function_model(
        lambda self, x: checkpoint(self.layer, x.requires_grad_(), use_reentrant=True), layer=linear()
    ),
    "far from zero": lambda: function_model(rescaled, layer=linear()),
    "DataParallel": lambda: nn.DataParallel(recurrent(batch_first=True)),
    "compiled": lambda: torch.compile(recurrent(batch_first=True), backend="eager"),
    "tuple": lambda: function_model(lambda self, x: (self.layer(x), x, None), layer=linear()),
}


def trained(model, n=32, **settings):
    settings = {"batch_size": 8, **settings}
    return benchmark(BatchedTrainer(model, **settings), SEQUENCES[:n], SEQUENCES[20:], epochs=2)


@pytest.mark.parametrize("name", VALID)
@pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning", "ignore:.*use_reentrant.*")
def test_valid_model_trains_and_reconstructs_sequences_independently(name):
    torch.manual_seed(0)
    result = trained(VALID[name]())
    assert len(result.history) == 2
    if "draws" not in name:
        in_one_batch = reconstruct(result.model, SEQUENCES)
        in_batches = reconstruct(result.model, SEQUENCES, batch_size=3)
        torch.testing.assert_close(in_batches, in_one_batch, rtol=1e-4, atol=1e-4)


def carrying(*, detach):
    """Return a model that begins each forward with the last hidden state of the one before."""

    def forward(self, x):
        output, self.state = self.rnn(x, getattr(self, "state", None))
        if detach:
            self.state = self.state.detach()
        return self.out(output)

    return function_model(forward, rnn=nn.GRU(1, 4, batch_first=True), out=linear(4))


def online_scale(self, x):
    self.scale = 0.9 * getattr(self, "scale", 1.0) + 0.1 * x.abs().max()
    return self.layer(x / self.scale)


def latent(step):
    """Return an autoencoder that applies `step` to its latent vectors (n, 2)."""
    return function_model(
        lambda self, x: self.decode(step(self.encode(x[..., 0])))[..., None],
        encode=linear(LENGTH, 2),
        decode=linear(2, LENGTH),
    )


def positions_along_batch():
    return function_model(lambda self, x: self.layer(x) + self.code[: len(x)], layer=linear(), code=nn.Parameter(
        torch.randn(500, 1, 1)))  # fmt: skip


def new_parameters(self, x):
    if self.training:
        self.register_parameter("gain", nn.Parameter(torch.ones(1)))
        return self.layer(x) * self.gain
    return self.layer(x)


def new_buffer(self, x):
    if self.training and not hasattr(self, "seen"):
        self.register_buffer("seen", torch.zeros(1))
    return self.layer(x)


def trained_only_lazy():
    net = function_model(lambda self, x: self.extra(x) if self.training else self.layer(x), layer=linear())
    net.extra = nn.LazyLinear(1)
    return net


MIXES, STATE = "must reconstruct each sequence independently", "same output for the same input"
INVALID = {
    "LSTM without batch_first": (recurrent, MIXES),
    "bidirectional LSTM without batch_first": (
        lambda: function_model(
            lambda self, x: self.out(self.rnn(x)[0]), rnn=nn.LSTM(1, 4, bidirectional=True), out=linear(8)
        ),
        MIXES,
    ),
    "attention without batch_first": (attention, MIXES),
    "transformer without batch_first": (transformer, MIXES),
    "latent flipped along the batch": (lambda: latent(lambda z: z.flip(0)), MIXES),
    "latent rolled along the batch": (lambda: latent(lambda z: z.roll(1, 0)), MIXES),
    "softmax along the batch": (lambda: latent(lambda z: z.softmax(0)), MIXES),
    "mean over the batch": (lambda: latent(lambda z: z - z.mean(0)), MIXES),
    "largest of the batch": (lambda: latent(lambda z: z / z.abs().max()), MIXES),
    "running sum along the batch": (lambda: latent(lambda z: z.cumsum(0)), MIXES),
    "reshape that mixes": (
        lambda: latent(lambda z: functional.pad(z.reshape(-1)[1:], (0, 1)).reshape(z.shape)),
        MIXES,
    ),
    "samples and mixes": (lambda: nn.Sequential(sampling(torch.randn), recurrent()), MIXES),
    "positions along the batch": (positions_along_batch, MIXES),
    "keeps its hidden state": (lambda: carrying(detach=True), "same output|any number of float32 sequences"),
    "keeps its hidden state and graph": (lambda: carrying(detach=False), "same output|any number of float32 sequences"),
    "scales by earlier data": (lambda: function_model(online_scale, layer=linear()), STATE),
    "fixed number of sequences": (
        lambda: function_model(lambda self, x: self.layer(x.view(8, LENGTH, 1)), layer=linear()),
        "any number of float32 sequences",
    ),
    "too few for the validation set": (
        lambda: function_model(lambda self, x: self.layer(x[:8]), layer=linear()),
        r"must return a reconstruction, of shape \(13, 8, 1\), .*, got shape \(8, 8, 1\)",
    ),
    "float64": (lambda: recurrent(batch_first=True).double(), r"model\.float\(\)"),
    "float16": (lambda: recurrent(batch_first=True).half(), r"model\.float\(\)"),
    "bfloat16": (lambda: recurrent(batch_first=True).bfloat16(), r"model\.float\(\)"),
    "complex output": (lambda: function_model(lambda self, x: self.layer(x) + 0j, layer=linear()), "floating-point"),
    "integer output": (lambda: function_model(lambda self, x: self.layer(x).long(), layer=linear()), "floating-point"),
    "detached": (lambda: function_model(lambda self, x: self.layer(x).detach(), layer=linear()), "has no gradient"),
    "no gradients inside": (
        lambda: function_model(torch.no_grad()(lambda self, x: self.layer(x)), layer=linear()),
        "has no gradient",
    ),
    "empty tuple": (lambda: function_model(lambda self, x: (), layer=linear()), "got tuple"),
    "tuple that begins with another shape": (
        lambda: function_model(lambda self, x: (x[:, 0], self.layer(x)), layer=linear()),
        r"must return a reconstruction, of shape \(2, 8, 1\), or a tuple that begins with it, got shape \(2, 1\)",
    ),
    "list": (lambda: function_model(lambda self, x: [self.layer(x), x], layer=linear()), "got list"),
    "dict": (lambda: function_model(lambda self, x: {"output": self.layer(x)}, layer=linear()), "got dict"),
    "last step only": (lambda: function_model(lambda self, x: self.layer(x)[:, -1:], layer=linear()), "got"),
    "NaN": (lambda: function_model(lambda self, x: self.layer(x).abs().neg().log(), layer=linear()), "finite numbers"),
    "fails": (lambda: function_model(lambda self, x: self.layers(x), layer=linear()), "no attribute 'layers'"),
    "fails in training": (
        lambda: function_model(lambda self, x: self.loss(x) if self.training else self.layer(x), layer=linear()),
        "must be trainable on 8 sequences of 'training set', got an error: ",
    ),
    "additional argument": (lambda: function_model(lambda self, x, h: self.layer(x), layer=linear()), "positional"),
    "new parameters": (lambda: function_model(new_parameters, layer=linear()), "constructor"),
    "new buffer": (lambda: function_model(new_buffer, layer=linear()), "constructor"),
    "inference mode": (lambda: torch.inference_mode()(recurrent)(batch_first=True), "created in torch.inference_mode"),
    "lazy layer for training only": (trained_only_lazy, r"unused lazy layers.*extra\.weight"),
}


@pytest.mark.parametrize("name", INVALID)
@pytest.mark.filterwarnings("ignore:.*nested_tensor.*", "ignore:.*batch_first.*")
def test_invalid_model_raises_and_is_unchanged(name):
    torch.manual_seed(0)
    make, match = INVALID[name]
    model = make()
    trainer = BatchedTrainer(model, batch_size=8)
    before, mode, states = copy_state(model), model.training, (torch.get_rng_state(), np.random.get_state()[1])
    with pytest.raises(ValueError, match=match) as error:
        trainer.setDataSets(SEQUENCES[:32], SEQUENCES[20:])
    assert f"model {type(model).__name__} " in str(error.value)
    assert trainer.train_set is None
    assert same(copy_state(model), before)
    assert model.training is mode
    assert torch.equal(torch.get_rng_state(), states[0])
    assert (np.random.get_state()[1] == states[1]).all()


# ---------------------------------------------------------------- sequences of different lengths


def padded(n=12, shortest=3):
    lengths = np.random.default_rng(0).integers(shortest, LENGTH, n)
    return DataSet.padded([SEQUENCES[i, :length] for i, length in enumerate(lengths)], length=LENGTH)


class Wrapper(nn.Module):
    """Passes all arguments on to its model."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, *args, **kwargs):
        return self.model(*args, **kwargs)


def with_forward(base, forward):
    return type(base.__name__, (base,), {"forward": forward})


def logged(function):
    @functools.wraps(function)
    def call(*args, **kwargs):
        return function(*args, **kwargs)

    return call


def logged_without_wraps(function):
    return lambda *args, **kwargs: function(*args, **kwargs)


def replaced_forward(decorate):
    model = reads_lengths()
    model.forward = decorate(model.forward)
    return model


def reads_lengths(kind=LSTMAutoencoder):
    return kind(hidden_size=4, name="reads lengths")


def decorated(decorate):
    return reads_lengths(with_forward(LSTMAutoencoder, decorate(LSTMAutoencoder.forward)))


def names_lengths(self, x, lengths=None):
    return self.model(x, lengths)


def computes_lengths(self, x):
    """Compute the lengths from the padding, which repeats the last value."""
    changes = (x[:, 1:] != x[:, :-1]).any(2)
    return self.model(x, lengths=1 + (changes * torch.arange(1, x.shape[1])).amax(1))


PASSING = {
    "wrapper": lambda: Wrapper(reads_lengths()),
    "two wrappers": lambda: Wrapper(Wrapper(reads_lengths())),
    "wrapper that names them": lambda: with_forward(Wrapper, names_lengths)(reads_lengths()),
    "wrapper that computes them": lambda: with_forward(Wrapper, computes_lengths)(reads_lengths()),
    "DataParallel": lambda: nn.DataParallel(reads_lengths()),
    "compiled": lambda: torch.compile(reads_lengths(), backend="eager"),
    "compiled wrapper": lambda: torch.compile(Wrapper(reads_lengths()), backend="eager"),
    "DataParallel of a compiled model": lambda: nn.DataParallel(torch.compile(reads_lengths(), backend="eager")),
    "decorated": lambda: decorated(logged),
    "decorated without wraps": lambda: decorated(logged_without_wraps),
    "no autocast": lambda: decorated(torch.autocast("cpu", enabled=False)),
    "partial": lambda: replaced_forward(functools.partial),
    "replaced forward": lambda: replaced_forward(logged_without_wraps),
}


@pytest.mark.parametrize("name", PASSING)
def test_lengths_reach_a_wrapped_model(name):
    data, model = padded(), PASSING[name]()
    expected = reconstruct(reads_lengths(), data)
    torch.testing.assert_close(reconstruct(model, data)[data.mask], expected[data.mask])
    losses = [mean_loss(m, data.sequences, data.targets, mask=data.mask, lengths=data.lengths) for m in (
        model, reads_lengths())]  # fmt: skip
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    histories = [benchmark(BatchedTrainer(m, batch_size=4), data, data, epochs=2).history for m in (
        PASSING[name](), reads_lengths())]  # fmt: skip
    np.testing.assert_allclose(*[[row.train_loss for row in history] for history in histories], rtol=1e-5)


def drops(self, x):
    return self.model(x)


def accepts_and_drops(self, x, lengths=None):
    return self.model(x)


def accepts_all_and_drops(self, x, **kwargs):
    return self.model(x)


def calls_other_methods(self, x, lengths=None):
    return self.model.decode(self.model.encode(x), x.shape[1])


def only_positional(function):
    return functools.wraps(function)(lambda self, x: function(self, x))


DROPPING = {
    "Sequential": lambda: nn.Sequential(reads_lengths()),
    "wrapper": lambda: with_forward(Wrapper, drops)(reads_lengths()),
    "wrapper that names them": lambda: with_forward(Wrapper, accepts_and_drops)(reads_lengths()),
    "wrapper with keywords": lambda: with_forward(Wrapper, accepts_all_and_drops)(reads_lengths()),
    "wrapper that calls other methods": lambda: with_forward(Wrapper, calls_other_methods)(reads_lengths()),
    "inner wrapper": lambda: Wrapper(with_forward(Wrapper, accepts_and_drops)(reads_lengths())),
    "compiled Sequential": lambda: torch.compile(nn.Sequential(reads_lengths()), backend="eager"),
    "DataParallel of Sequential": lambda: nn.DataParallel(nn.Sequential(reads_lengths())),
    "decorated": lambda: decorated(only_positional),
}


@pytest.mark.parametrize("name", DROPPING)
def test_model_that_drops_lengths_raises(name):
    data, full = padded(), DataSet(SEQUENCES[:12])
    model = DROPPING[name]()
    with pytest.raises(ValueError, match="must pass `lengths`"):
        reconstruct(model, data)
    with pytest.raises(ValueError, match="must pass `lengths`"):
        mean_loss(model, data.sequences, data.targets, mask=data.mask, lengths=data.lengths)
    for sets in ((data, data), (data, full), (full, data)):
        trainer = BatchedTrainer(model, batch_size=4)
        with pytest.raises(ValueError, match="must pass `lengths`"):
            trainer.setDataSets(*sets)
        assert trainer.train_set is None
    # without padding, no lengths have to be passed
    assert len(benchmark(BatchedTrainer(model, batch_size=4), full, full, epochs=1).history) == 1


@pytest.mark.parametrize("name", ["LSTM", "convolution", "dense", "compiled", "DataParallel", "lazy dense"])
def test_model_without_lengths_trains_on_padded_sequences(name):
    data = padded()
    result = benchmark(BatchedTrainer(VALID[name](), batch_size=4), data, data, epochs=2)
    assert len(result.history) == 2
    assert reconstruct(result.model, data).isfinite().all()


def test_wrapper_of_model_without_lengths_trains_on_padded_sequences():
    data = padded()
    plain, wrapped = recurrent(batch_first=True), Wrapper(recurrent(batch_first=True))
    wrapped.model.load_state_dict(plain.state_dict())
    torch.testing.assert_close(reconstruct(wrapped, data), reconstruct(plain, data))
    assert len(benchmark(BatchedTrainer(wrapped, batch_size=4), data, data, epochs=1).history) == 1


class Packing(nn.Module):
    """A model whose output has the length of the longest sequence of the batch, which may be below that of the data."""

    def __init__(self, **options):
        super().__init__()
        self.rnn, self.out, self.options = nn.GRU(1, 4, batch_first=True), nn.Linear(4, 1), options

    def forward(self, x, lengths=None):
        if lengths is None:
            return self.out(self.rnn(x)[0])
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        return self.out(pad_packed_sequence(self.rnn(packed)[0], batch_first=True, **self.options)[0])


def test_model_that_shortens_padded_batches_raises():
    data = padded()
    with pytest.raises(ValueError, match=r"must return a reconstruction, of shape"):
        BatchedTrainer(Packing(), batch_size=4).setDataSets(data, data)
    model = Packing(total_length=LENGTH)
    assert len(benchmark(BatchedTrainer(model, batch_size=4), data, data, epochs=1).history) == 1


# ---------------------------------------------------------------- steps, precision, state


def normed(*more):
    return over_time(linear(LENGTH, 4), nn.BatchNorm1d(4), *more, linear(4, LENGTH))


@pytest.mark.parametrize(("n", "batch_size"), [(13, 4), (13, 12), (9, 2), (8, 1), (1, 1)])
def test_batch_norm_with_last_batch_of_one_raises(n, batch_size):
    model = normed()
    before = copy_state(model)
    with pytest.raises(
        ValueError, match=f"batch_size must give .* got {batch_size} and a last batch of 1 out of {n}: "
    ) as error:
        BatchedTrainer(model, batch_size=batch_size).setDataSets(SEQUENCES[:n], SEQUENCES[:n])
    assert same(copy_state(model), before)
    if n > 1:  # training with the suggested size works
        suggested = int(str(error.value).split("batch_size=")[1].rstrip("."))
        assert len(trained(model, n, batch_size=suggested).history) == 2


def test_last_batch_that_model_cannot_divide_raises():
    def pairs(self, x):
        return self.layer(x.view(2, -1, LENGTH, 1) if self.training else x).view(x.shape)

    with pytest.raises(
        ValueError, match=r"batch_size must give .* last batch of 3 out of 11: .*\. Use steps_per_epoch"
    ):
        trained(function_model(pairs, layer=linear()), 11, batch_size=4)
    assert len(trained(function_model(pairs, layer=linear()), 11, batch_size=4, steps_per_epoch=2).history) == 2


@pytest.mark.parametrize(
    ("name", "n", "settings"),
    [
        ("batch norm", 13, {"batch_size": 4, "steps_per_epoch": 3}),
        ("batch norm", 12, {"batch_size": 4}),
        ("batch norm", 14, {"batch_size": 4}),
        ("batch norm of channels", 13, {"batch_size": 4}),
        ("batch norm of channels", 8, {"batch_size": 1}),
        ("LSTM", 13, {"batch_size": 4}),
        ("LSTM", 1, {"batch_size": 1}),
        ("frozen batch norm", 13, {"batch_size": 4}),
    ],
)
def test_last_batch_that_works_is_accepted(name, n, settings):
    class Frozen(nn.BatchNorm1d):
        def train(self, mode=True):
            return super().train(False)

    # with other initial weights, two epochs of one sequence may be the same, which causes a warning
    torch.manual_seed(0)
    frozen = over_time(linear(LENGTH, 4), Frozen(4), linear(4, LENGTH))
    model = {"batch norm": normed(), "frozen batch norm": frozen}.get(name) or VALID[name]()
    assert len(trained(model, n, **settings).history) == 2


def test_queued_batch_size_is_checked_immediately():
    def queue(row, _):
        if row.epoch == 1:
            with pytest.raises(ValueError, match="batch_size must give"):
                trainer.queue("batch_size", 4)
            assert trainer.queue("batch_size", 5) == 5

    trainer = BatchedTrainer(normed(), batch_size=7)
    result = benchmark(trainer, SEQUENCES[:13], SEQUENCES[20:], epochs=3, callbacks=[queue])
    assert len(result.history) == 3
    assert trainer.batch_size == 5


def test_batch_size_set_between_epochs_is_checked_before_epoch():
    trainer = BatchedTrainer(normed(), batch_size=7)
    trainer.setDataSets(SEQUENCES[:13], SEQUENCES[20:])
    model = trainer.doEpoch(trainer.model)
    before, trainer.batch_size = copy_state(model), 4
    with pytest.raises(ValueError, match="batch_size must give"):
        trainer.doEpoch(model)
    assert same(copy_state(model), before)
    trainer.batch_size = 5
    trainer.doEpoch(model)
    assert len(trainer.history) == 2


class NoBfloat16(nn.Linear):
    """A layer that fails as on a processor without bfloat16."""

    def forward(self, x):
        if torch.is_autocast_enabled("cpu"):
            raise RuntimeError("could not create a primitive descriptor")
        return super().forward(x)


def test_precision_that_processor_lacks_raises():
    trainer = BatchedTrainer(NoBfloat16(1, 1), batch_size=4, precision="bfloat16")
    with pytest.raises(RuntimeError, match=r'precision must be supported by .*could not create.*precision="float32"'):
        trainer.setDataSets(SEQUENCES[:12], SEQUENCES[20:])
    assert trainer.train_set is None
    trainer.precision = "float32"

    def queue(row, _):
        with pytest.raises(RuntimeError, match="precision must be"):
            trainer.queue("precision", "bfloat16")

    assert len(benchmark(trainer, SEQUENCES[:12], SEQUENCES[20:], epochs=2, callbacks=[queue]).history) == 2
    trainer.precision = "bfloat16"
    with pytest.raises(RuntimeError, match="precision must be"):
        benchmark(trainer, epochs=1, resume=True)


def test_bfloat16_trains_model_that_supports_it():
    result = trained(over_time(linear(LENGTH, 3), linear(3, LENGTH)), precision="bfloat16")
    assert len(result.history) == 2


class Eventful(nn.Module):
    """Has everything that a check could change: dropout, statistics, a counter, and global random numbers."""

    def __init__(self):
        super().__init__()
        self.layers = normed(nn.Dropout(0.3))
        self.calls = []

    def forward(self, x):
        noise = 0.1 * torch.rand(1) + 0.1 * float(np.random.random())
        if self.training:
            self.calls.append(len(x))
            noise = noise + 0.01 * len(self.calls)
        return self.layers(x) + noise


def test_checks_do_not_change_training(monkeypatch):
    def run():
        torch.manual_seed(1)
        np.random.seed(1)
        model = Eventful()
        trainer = BatchedTrainer(model, batch_size=4, learning_rate=0.02)
        result = benchmark(trainer, SEQUENCES[:12], SEQUENCES[20:], epochs=3)
        return result.history, copy_state(model), model.calls, torch.rand(1), np.random.random()

    checked = run()
    for check in ("check_forward", "check_step"):
        for module in ("trainers.trainer", "trainers.batched_trainer"):
            monkeypatch.setattr(f"{module}.{check}", lambda *_, **__: None, raising=False)
    plain = run()
    assert checked[0] == plain[0]
    assert same(checked[1], plain[1])
    assert checked[2:] == plain[2:]


def test_model_that_cannot_be_copied_trains_in_the_same_way():
    histories, states = [], []
    for lock in (None, threading.Lock()):
        torch.manual_seed(0)
        model = normed(nn.Dropout(0.3))
        model.lock = lock
        histories.append(trained(model).history)
        states.append(copy_state(model))
    assert histories[0] == histories[1]
    assert same(*states)


def test_lazy_layers_are_initialized_from_global_seed_and_trained():
    weights = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        model = nn.Sequential(nn.LazyLinear(3), nn.LazyLinear(1))
        trainer = BatchedTrainer(model, batch_size=8)
        with pytest.raises(RuntimeError, match="must be called after setDataSets"):
            trainer.doEpoch(model)
        trainer.setDataSets(SEQUENCES[:32], SEQUENCES[20:])
        weights.append(model[0].weight.detach().clone())
        trainer.doEpoch(model)
        assert not torch.equal(model[0].weight, weights[-1])
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_lazy_layers_stay_uninitialized_after_error():
    model = nn.Sequential(nn.LazyLinear(3), nn.Linear(3, 1))
    with pytest.raises(ValueError, match=r"must return a reconstruction, of shape"):
        BatchedTrainer(model, batch_size=8).setDataSets(torch.zeros(8, 5, 2), torch.zeros(8, 5, 2))
    assert len(trained(model).history) == 2


def test_batch_statistics_in_evaluation_warn():
    model = over_time(nn.BatchNorm1d(LENGTH, track_running_stats=False), linear(LENGTH, LENGTH))
    with pytest.warns(UserWarning, match="track_running_stats=True"):
        BatchedTrainer(model, batch_size=8).setDataSets(SEQUENCES[:32], SEQUENCES[20:])


def test_model_on_meta_device_raises():
    for use in (BatchedTrainer, lambda model: reconstruct(model, SEQUENCES)):
        with pytest.raises(ValueError, match="meta device"):
            use(nn.Linear(1, 1, device="meta"))


def test_grown_and_expanded_buffers_are_restored():
    model = growing_bank()
    start = copy_state(model)
    model(SEQUENCES)
    load_state(model, start)
    assert model.bank.shape == (0,)
    model = VALID["expanded buffer"]()
    load_state(model, {**copy_state(model), "kept": torch.full((LENGTH, 1), 2.0)})
    assert torch.equal(model.kept, torch.full((LENGTH, 1), 2.0))


def test_mixing_is_detected_with_few_sequences():
    for n in (1, 2, 3):
        with pytest.raises(ValueError, match=MIXES):
            BatchedTrainer(recurrent(), batch_size=1).setDataSets(SEQUENCES[:n], SEQUENCES[:n])
        assert len(trained(recurrent(batch_first=True), n, batch_size=1).history) == 2
