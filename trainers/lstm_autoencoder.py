"""`LSTMAutoencoder`: a sequence through a narrow latent vector and back."""

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
    """An LSTM reads a sequence into one latent vector; another LSTM writes it out again.

    With PyTorch's own initialisation and nothing else, such a network learns little more than
    the average sequence for dozens of epochs. Four things change that, and each can be taken
    away: `initialization` (orthogonal recurrent and Xavier input weights), `forget_bias`,
    `time_encoding`, which tells the decoder where in the sequence it is, and `bidirectional`,
    which brings the beginning as near to the encoder's last state as the end.

    Parameters
    ----------
    name : str, optional
        Used in tables and legends.
    **hyperparameters
        As listed below; all are read-only once the model is built.

    Raises
    ------
    TypeError, ValueError
        If a hyperparameter does not fit its declaration, or two do not fit each other.

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
        None, "numbers that a sequence is pressed into; None: the encoder's last states as they are",
        kind=int, minimum=1, read_only=True,
    )  # fmt: skip
    n_layers = Hyperparameter(1, "LSTM layers in encoder and decoder", minimum=1, read_only=True)
    bidirectional = Hyperparameter(True, "the encoder reads the sequence both ways", read_only=True)
    decoding = Hyperparameter(
        "forward",
        "the decoder reads the latent vector at every step, forward or in reverse, or works as EncDec-AD: "
        "in reverse from the encoder's last states, teacher forced in training",
        choices=("forward", "reverse", "encdec-ad"),
        read_only=True,
    )
    time_encoding = Hyperparameter(
        8, "sine and cosine pairs that tell the decoder the time step; 0: none", minimum=0, maximum=16, read_only=True
    )
    initialization = Hyperparameter(
        "orthogonal", "of the LSTM weights: orthogonal and Xavier, or PyTorch's own",
        choices=("orthogonal", "torch"), read_only=True,
    )  # fmt: skip
    forget_bias = Hyperparameter(
        1.0, "first bias of the forget gates; None: as initialised", optional=True, read_only=True
    )
    dropout = Hyperparameter(0.0, "share of the latent vector zeroed in training", minimum=0, below=1, read_only=True)
    seed = Hyperparameter(0, "of the first weights", minimum=0, maximum=LARGEST_SEED, read_only=True)

    def __init__(self, *, name: str | None = None, **hyperparameters: Any) -> None:
        super().__init__(name=name, **hyperparameters)
        encdec = self.decoding == "encdec-ad"
        if encdec and self.n_layers != 1:
            raise ValueError(f'n_layers must be 1 with decoding="encdec-ad", got {self.n_layers}.')
        # EncDec-AD hands over hidden and cell state.
        state_size = self.hidden_size * (1 + self.bidirectional) * (1 + encdec)
        latent_size = self.latent_size or state_size
        read_size = self.n_features if encdec else latent_size
        layers: Any = {"hidden_size": self.hidden_size, "num_layers": self.n_layers, "batch_first": True}
        with own_randomness(self.seed):
            self.encoder = nn.LSTM(self.n_features, bidirectional=self.bidirectional, **layers)
            self.to_latent = nn.Linear(state_size, latent_size) if self.latent_size else nn.Identity()
            fits = not encdec or latent_size == 2 * self.hidden_size
            self.from_latent = nn.Identity() if fits else nn.Linear(latent_size, 2 * self.hidden_size)
            self.decoder = nn.LSTM(read_size + 2 * self.time_encoding, **layers)
            self.to_output = nn.Linear(self.hidden_size, self.n_features)
            for lstm in (self.encoder, self.decoder):
                self._initialize(lstm)

    def forward(self, sequences: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Reconstruct sequences.

        Parameters
        ----------
        sequences : torch.Tensor, shape (n, time, n_features)
        lengths : torch.Tensor, shape (n,), optional
            Steps of each, where shorter ones are padded at their end: they are reconstructed as
            they would be alone. What is returned for the padding means nothing.

        Returns
        -------
        torch.Tensor, shape (n, time, n_features)
        """
        latent = self.encode(sequences, lengths)
        # EncDec-AD's decoder is fed the true values in training, and its own in evaluation.
        taught = sequences if self.decoding == "encdec-ad" and self.training else None
        return self.decode(latent, sequences.shape[1], lengths=lengths, teacher=taught)

    def encode(self, sequences: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Sequences (n, time, n_features) to latent vectors (n, latent)."""
        if sequences.ndim != 3 or sequences.shape[2] != self.n_features:
            shape = f"(n, time, n_features={self.n_features})"
            raise ValueError(f"sequences for {self.name} must have shape {shape}, got {tuple(sequences.shape)}.")
        read: Any = sequences
        if lengths is not None:
            # The last state is then that at each one's own end, and the way back begins there.
            read = pack_padded_sequence(sequences, lengths.cpu(), batch_first=True, enforce_sorted=False)
        _, (hidden, cell) = self.encoder(read)
        ways = 1 + self.bidirectional  # the last layer's states stand at the end, one for each way
        last = [*hidden[-ways:], *cell[-ways:]] if self.decoding == "encdec-ad" else [*hidden[-ways:]]
        return functional.dropout(self.to_latent(torch.cat(last, 1)), self.dropout, self.training)

    def decode(
        self, latent: Tensor, length: int, *, lengths: Tensor | None = None, teacher: Tensor | None = None
    ) -> Tensor:
        """Latent vectors (n, latent) to sequences (n, length, n_features).

        `lengths` (n,) are the steps of each, if some are shorter. `teacher`, for EncDec-AD only,
        holds the true sequences to read instead of one's own.
        """
        ends = torch.tensor([length]) if lengths is None else lengths
        clock = self._clock(length, ends).to(latent).expand(len(latent), -1, -1)
        if self.decoding == "encdec-ad":
            if teacher is not None:
                teacher = _reverse(teacher, lengths)
            return _reverse(self._decode_encdec(self.from_latent(latent), _reverse(clock, lengths), teacher), lengths)
        repeated = latent[:, None].expand(-1, length, -1)
        output = self.to_output(self.decoder(torch.cat([repeated, clock], 2))[0])
        return _reverse(output, lengths) if self.decoding == "reverse" else output

    @property
    def training_note(self) -> str:
        """In what way a loss in training mode is not comparable with one in evaluation mode."""
        notes = ["under teacher forcing"] * (self.decoding == "encdec-ad") + ["with dropout"] * (self.dropout > 0)
        return ", ".join(notes)

    def _decode_encdec(self, state: Tensor, clock: Tensor, teacher: Tensor | None) -> Tensor:
        """Everything last step first; each step reads the value before it in that order, true or its own."""
        hidden, cell = (part[None].contiguous() for part in state.chunk(2, 1))
        outputs = [self.to_output(hidden[-1])[:, None]]
        if teacher is not None:
            read = torch.cat([teacher[:, :-1], clock[:, 1:]], 2)
            if read.shape[1]:
                outputs.append(self.to_output(self.decoder(read, (hidden, cell))[0]))
        else:
            for step in range(1, clock.shape[1]):
                read = torch.cat([outputs[-1], clock[:, step : step + 1]], 2)
                written, (hidden, cell) = self.decoder(read, (hidden, cell))
                outputs.append(self.to_output(written))
        return torch.cat(outputs, 1)

    def _clock(self, length: int, lengths: Tensor) -> Tensor:
        """Sines and cosines of the position in each sequence, (n, length, 2 * time_encoding)."""
        position = torch.arange(length) / lengths.cpu()[:, None]
        angles = math.pi * position[..., None] * 2.0 ** torch.arange(self.time_encoding)
        return torch.cat([angles.sin(), angles.cos()], 2)

    @torch.no_grad()
    def _initialize(self, lstm: nn.LSTM) -> None:
        for name, weights in lstm.named_parameters():
            # PyTorch stacks the gates: input, forget, cell, output.
            gates = weights.chunk(4)
            if self.initialization == "orthogonal":
                kinds = {"weight_hh": nn.init.orthogonal_, "weight_ih": nn.init.xavier_uniform_}
                for gate in gates:
                    kinds.get(name[:9], nn.init.zeros_)(gate)
            # Of PyTorch's two biases, which are added, the second stays.
            if "bias_ih" in name and self.forget_bias is not None:
                gates[1].fill_(self.forget_bias)


def _reverse(sequences: Tensor, lengths: Tensor | None) -> Tensor:
    """Each sequence (n, time, feature) last step first; padding stays where it is."""
    if lengths is None:
        # Along time, never along the batch: there, sequences would get each other's steps.
        return sequences.flip(1)
    steps = torch.arange(sequences.shape[1], device=sequences.device)
    ends = lengths.to(sequences.device)[:, None]
    order = torch.where(steps < ends, ends - 1 - steps, steps)
    return sequences.gather(1, order[..., None].expand_as(sequences))
