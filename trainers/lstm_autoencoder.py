"""`LSTMAutoencoder`: encode a sequence as a latent vector, and reconstruct it."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence

from trainers.block import Block, Hyperparameter
from trainers.torch_utils import LARGEST_SEED, own_randomness


class LSTMAutoencoder(Block, nn.Module):
    """LSTM autoencoder: one LSTM encodes a sequence as a latent vector, another reconstructs the sequence from it.

    With PyTorch's default initialisation and without the options below, the output of
    such a network is close to the average sequence for dozens of epochs. Four options
    improve this. Each can be disabled: `initialization` (orthogonal recurrent and Xavier input
    weights); `forget_bias`; `time_encoding`, which gives the time step to the decoder; and
    `bidirectional`. A bidirectional encoder also reads the sequence backwards, so the first time
    step is as close to its final states as the last time step.

    With a `patch_size` above 1, each step of both LSTMs reads or writes a *patch*: that many consecutive
    time steps, joined into one vector, as in PatchTST [8]_. Training is then several times faster, because an LSTM
    computes its steps one after the other, and the decoder has fewer steps to remember over. `decoding` orders
    the patches (within a patch, the time goes forward), and the time encoding is that of the patch. If the length of a
    sequence is not a multiple of `patch_size`, its last value is repeated to complete the last patch, and the
    output is cut to the length; a sequence shorter than a patch is one patch.

    Parameters
    ----------
    name : str, optional
        Used in tables and legends.
    **hyperparameters
        Listed below; all are read-only after construction.

    Raises
    ------
    TypeError, ValueError
        If a hyperparameter is invalid, or if two hyperparameters are incompatible.

    References
    ----------
    .. [1] Hochreiter & Schmidhuber, Long short-term memory, Neural Computation 9(8), 1997.
    .. [2] Srivastava et al. 2015, Unsupervised learning of video representations using LSTMs
       (arXiv:1502.04681), section 2: the autoencoder, decoding in reverse.
    .. [3] Malhotra et al. 2016, LSTM-based encoder-decoder for multi-sensor anomaly detection
       (arXiv:1607.00148), section 2: EncDec-AD, which decodes in reverse with teacher forcing.
    .. [4] Jozefowicz et al. 2015, An empirical exploration of recurrent network architectures,
       section 3: the forget gate's bias of 1.
    .. [5] Saxe et al. 2014 (arXiv:1312.6120), section 3: orthogonal initialisation; Glorot &
       Bengio 2010, eq. 16: the uniform Xavier initialisation.
    .. [6] Schuster & Paliwal, Bidirectional recurrent neural networks, IEEE Transactions on Signal
       Processing 45(11), 1997, section II.
    .. [7] Vaswani et al. 2017 (arXiv:1706.03762), section 3.5: sines and cosines of the position.
    .. [8] Nie, Nguyen, Sinthong & Kalagnanam 2023, A time series is worth 64 words: long-term forecasting with
       transformers (arXiv:2211.14730), section 3.1: patches, with the last value repeated at the end.

    Examples
    --------
    >>> model = LSTMAutoencoder(n_features=3, hidden_size=16, latent_size=4)
    >>> sequences = torch.zeros(8, 50, 3)
    >>> model(sequences).shape, model.encode(sequences).shape
    (torch.Size([8, 50, 3]), torch.Size([8, 4]))
    """

    n_features = Hyperparameter(1, "values at each time step", minimum=1, read_only=True)
    hidden_size = Hyperparameter(64, "units of each LSTM layer", minimum=1, maximum=8192, read_only=True)
    latent_size = Hyperparameter(
        None, "size of the latent vector; None: the encoder's final states without projection",
        kind=int, minimum=1, read_only=True,
    )  # fmt: skip
    n_layers = Hyperparameter(
        1, "LSTM layers in the encoder, and in the decoder", minimum=1, maximum=100, read_only=True
    )
    patch_size = Hyperparameter(
        1, "consecutive time steps that each step of the LSTMs reads or writes", minimum=1, read_only=True
    )
    bidirectional = Hyperparameter(True, "whether the encoder is bidirectional", read_only=True)
    decoding = Hyperparameter(
        "forward",
        "order of output. forward, reverse: each step's input is the latent vector. encdec-ad: reverse; the decoder "
        "starts with the encoder's final states; in training, its input is the true previous value (teacher forcing)",
        choices=("forward", "reverse", "encdec-ad"),
        read_only=True,
    )
    time_encoding = Hyperparameter(
        8, "sine and cosine pairs of the time step, for the decoder; 0: none", minimum=0, maximum=16, read_only=True
    )
    initialization = Hyperparameter(
        "orthogonal", "initialisation of the LSTM weights: orthogonal and Xavier, or PyTorch's default",
        choices=("orthogonal", "torch"), read_only=True,
    )  # fmt: skip
    forget_bias = Hyperparameter(
        1.0, "initial bias of the forget gates; None: as set by the initialization", optional=True, read_only=True
    )
    dropout = Hyperparameter(0.0, "share of latent elements set to 0 in training", minimum=0, below=1, read_only=True)
    seed = Hyperparameter(0, "seed of the initial weights", minimum=0, maximum=LARGEST_SEED, read_only=True)

    def __init__(self, *, name: str | None = None, **hyperparameters: Any) -> None:
        super().__init__(name=name, **hyperparameters)
        encdec = self.decoding == "encdec-ad"
        if encdec and self.n_layers != 1:
            raise ValueError(f'n_layers must be 1 with decoding="encdec-ad", got {self.n_layers}.')
        # EncDec-AD passes hidden and cell states to the decoder, the other two hidden states only
        state_size = self.hidden_size * (1 + self.bidirectional) * (1 + encdec)
        latent_size = self.latent_size or state_size
        # a step of the LSTMs is a patch
        step_size = self.patch_size * self.n_features
        input_size = step_size if encdec else latent_size
        layers: Any = {"hidden_size": self.hidden_size, "num_layers": self.n_layers, "batch_first": True}
        # encoder, projections, decoder
        with own_randomness(self.seed):
            self.encoder = nn.LSTM(step_size, bidirectional=self.bidirectional, **layers)
            self.to_latent = nn.Linear(state_size, latent_size) if self.latent_size else nn.Identity()
            same_size = not encdec or latent_size == 2 * self.hidden_size
            self.from_latent = nn.Identity() if same_size else nn.Linear(latent_size, 2 * self.hidden_size)
            self.decoder = nn.LSTM(input_size + 2 * self.time_encoding, **layers)
            self.to_output = nn.Linear(self.hidden_size, step_size)
            for lstm in (self.encoder, self.decoder):
                self._initialize(lstm)

    def forward(self, sequences: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Reconstruct sequences.

        Parameters
        ----------
        sequences : torch.Tensor, shape (n, time, n_features)
        lengths : torch.Tensor, shape (n,), optional
            Number of time steps of each sequence before the padding at its end. Padding does not
            affect the reconstruction of a sequence. Values returned for padded steps are undefined.

        Returns
        -------
        torch.Tensor, shape (n, time, n_features)
        """
        latent = self.encode(sequences, lengths)
        # teacher forcing: the decoder of EncDec-AD reads the true values in training, its own output in evaluation
        teacher = sequences if self.decoding == "encdec-ad" and self.training else None
        return self.decode(latent, sequences.shape[1], lengths=lengths, teacher=teacher)

    def encode(self, sequences: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Encode sequences (n, time, n_features) as latent vectors (n, latent)."""
        if sequences.ndim != 3 or sequences.shape[2] != self.n_features:
            shape = f"(n, time, n_features={self.n_features})"
            raise ValueError(f"sequences for {self.name} must have shape {shape}, got {tuple(sequences.shape)}.")
        packed: Any = self._patches(sequences, lengths)
        if lengths is not None:
            # the final states are those at the end of each sequence, before the padding
            ends = self._n_patches(lengths).cpu()
            packed = pack_padded_sequence(packed, ends, batch_first=True, enforce_sorted=False)
        _, (hidden, cell) = self.encoder(packed)
        # the states of the last layer come last, one per direction
        directions = 1 + self.bidirectional
        states = [*hidden[-directions:], *cell[-directions:]] if self.decoding == "encdec-ad" else hidden[-directions:]
        return functional.dropout(self.to_latent(torch.cat([*states], 1)), self.dropout, self.training)

    def decode(
        self, latent: Tensor, length: int, *, lengths: Tensor | None = None, teacher: Tensor | None = None
    ) -> Tensor:
        """Reconstruct sequences (n, length, n_features) from latent vectors (n, latent).

        `lengths`, shape (n,), is the number of time steps of each sequence, if some sequences are padded. `teacher`,
        for EncDec-AD only, holds the true sequences, which the decoder reads instead of its own output.
        """
        # count in patches
        teacher = None if teacher is None else self._patches(teacher, lengths)
        n_patches, lengths = self._n_patches(length), None if lengths is None else self._n_patches(lengths)
        ends = torch.tensor([n_patches]) if lengths is None else lengths
        encoding = self._encode_time(n_patches, ends).to(latent).expand(len(latent), -1, -1)
        if self.decoding == "encdec-ad":
            # decode in reverse
            teacher, encoding = None if teacher is None else _reverse(teacher, lengths), _reverse(encoding, lengths)
            output = self._decode_encdec(self.from_latent(latent), encoding, teacher)
        else:
            # the latent vector and the time encoding are the decoder's input at every step
            repeated = latent[:, None].expand(-1, n_patches, -1)
            output = self.to_output(self.decoder(torch.cat([repeated, encoding], 2))[0])
        patches = output if self.decoding == "forward" else _reverse(output, lengths)
        # from patches to time steps
        return patches.unflatten(2, (self.patch_size, self.n_features)).flatten(1, 2)[:, :length]

    @property
    def training_note(self) -> str:
        """Reason why the loss in training mode is not comparable with the loss in evaluation mode."""
        notes = ["under teacher forcing"] * (self.decoding == "encdec-ad") + ["with dropout"] * (self.dropout > 0)
        return ", ".join(notes)

    def _n_patches(self, length: Any) -> Any:
        """Return the number of patches, the last of which may be incomplete, of sequences with this length."""
        return (length + self.patch_size - 1) // self.patch_size

    def _patches(self, sequences: Tensor, lengths: Tensor | None) -> Tensor:
        """Return sequences (n, time, n_features) as patches (n, n_patches, patch_size * n_features)."""
        if self.patch_size == 1:
            return sequences
        n_patches = self._n_patches(sequences.shape[1])
        last: Any = sequences.shape[1] - 1 if lengths is None else lengths.to(sequences.device)[:, None] - 1
        # repeat the last value after the end of each sequence
        steps = torch.arange(n_patches * self.patch_size, device=sequences.device).clamp(max=last)
        filled = sequences.gather(1, steps.expand(len(sequences), -1)[..., None].expand(-1, -1, self.n_features))
        return filled.unflatten(1, (n_patches, self.patch_size)).flatten(2)

    def _decode_encdec(self, state: Tensor, encoding: Tensor, teacher: Tensor | None) -> Tensor:
        """Decode from the last step to the first; the input of a step is the value before it, true or reconstructed."""
        hidden, cell = (part[None].contiguous() for part in state.chunk(2, 1))
        outputs = [self.to_output(hidden[-1])[:, None]]
        if teacher is not None:
            # teacher forcing: all steps at once
            inputs = torch.cat([teacher[:, :-1], encoding[:, 1:]], 2)
            if inputs.shape[1]:
                outputs.append(self.to_output(self.decoder(inputs, (hidden, cell))[0]))
        else:
            # one step at a time, from the decoder's own output
            for step in range(1, encoding.shape[1]):
                inputs = torch.cat([outputs[-1], encoding[:, step : step + 1]], 2)
                output, (hidden, cell) = self.decoder(inputs, (hidden, cell))
                outputs.append(self.to_output(output))
        return torch.cat(outputs, 1)

    def _encode_time(self, length: int, lengths: Tensor) -> Tensor:
        """Return sines and cosines of the position in each sequence, (n, length, 2 * time_encoding)."""
        position = torch.arange(length) / lengths.cpu()[:, None]
        angles = math.pi * position[..., None] * 2.0 ** torch.arange(self.time_encoding)
        return torch.cat([angles.sin(), angles.cos()], 2)

    @torch.no_grad()
    def _initialize(self, lstm: nn.LSTM) -> None:
        for name, weights in lstm.named_parameters():
            # PyTorch stacks the gates: input, forget, cell, output
            gates = weights.chunk(4)
            if self.initialization == "orthogonal":
                functions = {"weight_hh": nn.init.orthogonal_, "weight_ih": nn.init.xavier_uniform_}
                for gate in gates:
                    functions.get(name[:9], nn.init.zeros_)(gate)
            # PyTorch adds two biases, so only one of them is set
            if "bias_ih" in name and self.forget_bias is not None:
                gates[1].fill_(self.forget_bias)


def _reverse(sequences: Tensor, lengths: Tensor | None) -> Tensor:
    """Reverse each sequence (n, time, feature) in time; padding stays at its place."""
    if lengths is None:
        # along time, not along the batch, which would mix the sequences
        return sequences.flip(1)
    steps = torch.arange(sequences.shape[1], device=sequences.device)
    ends = lengths.to(sequences.device)[:, None]
    order = torch.where(steps < ends, ends - 1 - steps, steps)
    return sequences.gather(1, order[..., None].expand_as(sequences))
