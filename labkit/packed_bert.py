"""A BERT for inference on a CPU that spends its time on real tokens.

Rows of unequal length lie one behind the other in one matrix of tokens, so all but attention runs
without padding; attention alone is given rectangles, of rows of like length. Where only each row's
first token is read, as a cross-encoder's head does, the last layer computes nothing else for the
others but the keys and values by which the first one sees them.

It reads the weights of ``BertModel`` and ``BertForSequenceClassification`` by their names, without
importing transformers, and gives their numbers up to the order of summation.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from labkit.batching import token_batches
from labkit.errors import InputError
from labkit.linear import Linear, Precision

_TOKENS_PER_BATCH = 1024
"""What stays in a second-level cache between two layers; larger batches were no faster."""

ENCODER = "bert."
"""What the names of the encoder's weights begin with beside a head."""


def can_read(config: Mapping[str, Any]) -> bool:
    """Whether a checkpoint with this ``config.json`` is a BERT of the common kind."""
    return (
        config.get("model_type") == "bert"
        and config.get("hidden_act") == "gelu"
        and config.get("position_embedding_type", "absolute") == "absolute"
        and not config.get("is_decoder", False)
    )


def read_config(folder: Path) -> dict[str, Any]:
    """``config.json`` of a folder; empty where it cannot be read."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return config if isinstance(config, dict) else {}


def read_weights(folder: Path) -> dict[str, Tensor]:
    """``model.safetensors`` of a folder in float32, named as with a head.

    Raises:
        InputError: there is no such file, or it is damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = folder / "model.safetensors"
    try:
        weights = load_file(path)
    except (OSError, SafetensorError) as error:
        raise InputError(
            f"{path} cannot be read ({' '.join(str(error).split())[:200]}), expected the weights "
            "of a BERT"
        ) from None
    bare = not any(name.startswith(ENCODER) for name in weights)
    return {
        (ENCODER + name if bare else name): weight.float()
        for name, weight in weights.items()
        if not name.endswith("position_ids")
    }


class CheckpointConfig(dict[str, Any]):
    """``config.json``, and the hub's commit, where it is from there, by transformers' name."""

    _commit_hash: str | None = None


class PackedBert:
    """See the module.

    Args:
        config: of the checkpoint, as in ``config.json``.
        weights: as :func:`read_weights` names them; with ``classifier.*`` where it has a head.
        precision: of the layers; embeddings, normalisation sums and the head are float32.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        weights: Mapping[str, Tensor],
        precision: Precision = "float32",
    ) -> None:
        self.config = CheckpointConfig(config)
        self.weights = weights
        self.precision = precision
        self.device = torch.device("cpu")
        self._dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
        self._heads: int = config["num_attention_heads"]
        self._eps: float = config["layer_norm_eps"]
        names = f"{ENCODER}embeddings."
        self._words = weights[f"{names}word_embeddings.weight"]
        self._positions = weights[f"{names}position_embeddings.weight"]
        self._types = weights[f"{names}token_type_embeddings.weight"]
        self._size = self._words.shape[1]
        self._norm = self._norm_of(f"{names}LayerNorm")
        self._layers = [self._layer(i) for i in range(config["num_hidden_layers"])]

    def _pair(self, name: str) -> tuple[Tensor, Tensor]:
        return self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]

    def _norm_of(self, name: str) -> tuple[Tensor, Tensor]:
        weight, bias = self._pair(name)
        return weight.to(self._dtype), bias.to(self._dtype)

    def _magnitude(self, norm: str) -> Tensor:
        """About how large what a normalisation gives gets: three deviations from its mean."""
        weight, bias = self._pair(norm)
        return 3 * weight.abs() + bias.abs()

    def _layer(self, number: int) -> dict[str, Any]:
        name = f"{ENCODER}encoder.layer.{number}."
        query, key, value = (
            self._pair(f"{name}attention.self.{part}") for part in ("query", "key", "value")
        )
        before = self._magnitude(
            f"{ENCODER}embeddings.LayerNorm"
            if number == 0
            else f"{ENCODER}encoder.layer.{number - 1}.output.LayerNorm"
        )
        last = number == self.config["num_hidden_layers"] - 1
        joined = [key, value] if last else [query, key, value]
        weight = torch.cat([part[0] for part in joined])
        bias = torch.cat([part[1] for part in joined])
        layer: dict[str, Any] = {
            "in": Linear(weight, bias, self.precision, magnitude=before),
            "out": Linear(*self._pair(f"{name}attention.output.dense"), self.precision),
            "norm": self._norm_of(f"{name}attention.output.LayerNorm"),
            "up": Linear(
                *self._pair(f"{name}intermediate.dense"),
                self.precision,
                activation="gelu",
                magnitude=self._magnitude(f"{name}attention.output.LayerNorm"),
            ),
            "down": Linear(*self._pair(f"{name}output.dense"), self.precision, after_gelu=True),
            "last_norm": self._norm_of(f"{name}output.LayerNorm"),
        }
        if last:
            layer["query"] = Linear(*query, self.precision, magnitude=before)
        return layer

    def logits(
        self,
        pairs: Sequence[tuple[Sequence[int], Sequence[int]]],
        *,
        tokens_per_batch: int | None = None,
    ) -> Tensor:
        """The head's output [n], float32, for rows of two parts, the second of token type 1."""
        with torch.inference_mode():
            # Equal pairs run once: a product rounds equal rows apart, and they would be ranked.
            found = {pair: i for i, pair in enumerate(dict.fromkeys(map(_hashable, pairs)))}
            places = [found[_hashable(pair)] for pair in pairs]
            pairs = list(found)
            result = torch.zeros(len(pairs))
            pooler = self._pair(f"{ENCODER}pooler.dense")
            head = self._pair("classifier")
            lengths = [len(prefix) + len(tail) for prefix, tail in pairs]
            for batch in token_batches(lengths, tokens_per_batch or _TOKENS_PER_BATCH):
                rows = [[*pairs[i][0], *pairs[i][1]] for i in batch]
                splits = torch.tensor([len(pairs[i][0]) for i in batch])
                first = self._run(rows, splits, only_first=True).float()
                pooled = torch.tanh(functional.linear(first, *pooler))
                result[batch] = functional.linear(pooled, *head)[:, 0]
            return result[places]

    def means(self, rows: Sequence[Sequence[int]]) -> Tensor:
        """The mean [n, size], float32, of each row's last hidden states."""
        with torch.inference_mode():
            result = torch.zeros(len(rows), self._size)
            lengths = [len(row) for row in rows]
            for batch in token_batches(lengths, _TOKENS_PER_BATCH):
                chosen = [rows[i] for i in batch]
                hidden = self._run(chosen, None, only_first=False).float()
                counts = torch.tensor([len(row) for row in chosen])
                owner = torch.repeat_interleave(torch.arange(len(chosen)), counts)
                sums = torch.zeros(len(chosen), self._size).index_add_(0, owner, hidden)
                result[batch] = sums / counts[:, None]
            return result

    def states(self, rows: Sequence[Sequence[int]]) -> list[Tensor]:
        """The last hidden states [tokens, size], float32, of each row."""
        with torch.inference_mode():
            result: list[Tensor] = [torch.empty(0)] * len(rows)
            for batch in token_batches([len(row) for row in rows], _TOKENS_PER_BATCH):
                hidden = self._run([rows[i] for i in batch], None, only_first=False).float()
                parts = torch.split(hidden, [len(rows[i]) for i in batch])
                for i, part in zip(batch, parts, strict=True):
                    result[i] = part
            return result

    def _run(
        self, rows: Sequence[Sequence[int]], splits: Tensor | None, *, only_first: bool
    ) -> Tensor:
        """Last hidden states: [tokens, size], or [rows, size] of the first tokens.

        Args:
            splits: for each row the position from which on tokens are of type 1.
        """
        counts = [len(row) for row in rows]
        width = max(counts)
        lengths = torch.tensor(counts)
        ids = torch.tensor([token for row in rows for token in row])
        columns = torch.cat([torch.arange(count) for count in counts])
        starts = lengths.cumsum(0) - lengths
        x = functional.embedding(ids, self._words) + self._positions[columns]
        if splits is None:
            x += self._types[0]
        else:
            x += self._types[(columns >= torch.repeat_interleave(splits, lengths)).long()]
        x = self._normalised(x.to(self._dtype), self._norm)
        cells, mask = None, None
        if min(counts) < width:
            cells = torch.repeat_interleave(torch.arange(len(rows)) * width, lengths) + columns
            beyond = torch.arange(width) >= lengths[:, None]
            mask = torch.zeros(len(rows), 1, 1, width, dtype=self._dtype)
            mask.masked_fill_(beyond[:, None, None], float("-inf"))
        for number, layer in enumerate(self._layers):
            last = number == len(self._layers) - 1
            parts = layer["in"](x)
            if last and only_first:
                x = x[starts]
            if last:
                asked = layer["query"](x)
                parts = torch.cat([asked, parts], 1) if not only_first else parts
            table = parts if cells is None else parts.new_zeros(len(rows) * width, parts.shape[1])
            if cells is not None:
                table[cells] = parts
            shaped = table.view(len(rows), width, -1, self._heads, self._size // self._heads)
            *queries, keys, values = shaped.permute(2, 0, 3, 1, 4).unbind()
            if last and only_first:
                query = asked.view(len(rows), self._heads, 1, -1)
            else:
                (query,) = queries
            seen = functional.scaled_dot_product_attention(query, keys, values, attn_mask=mask)
            seen = seen.transpose(1, 2).reshape(-1, self._size)
            if cells is not None and not (last and only_first):
                seen = seen[cells]
            x = layer["out"](seen, x)
            x = self._normalised(x, layer["norm"])
            x = self._normalised(layer["down"](layer["up"](x), x), layer["last_norm"])
        return x

    def _normalised(self, x: Tensor, norm: tuple[Tensor, Tensor]) -> Tensor:
        weight, bias = norm
        return functional.layer_norm(x, (self._size,), weight, bias, self._eps)

    def save_pretrained(self, folder: Path) -> None:
        """Write the float32 weights as a stock checkpoint."""
        from safetensors.torch import save_file

        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(
            json.dumps(self.config, indent=2, sort_keys=True) + "\n", encoding="utf-8"
        )
        contiguous = {name: weight.contiguous() for name, weight in self.weights.items()}
        save_file(contiguous, folder / "model.safetensors", metadata={"format": "pt"})


def _hashable(
    pair: tuple[Sequence[int], Sequence[int]],
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return tuple(pair[0]), tuple(pair[1])
