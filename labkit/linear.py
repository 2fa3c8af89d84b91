"""``x @ w.T + b`` on a CPU, as fast as the processor allows, in three precisions.

PyTorch's own ``linear`` calls MKL, which leaves an AMD processor at less than half of its rate, and
it lays out the weights anew in every call. oneDNN, which PyTorch contains, takes weights laid out
once, has AVX-512 code for every make, and adds bias, GELU or a residual while a tile of the
product is still in the cache. A processor or a build without it gets ``linear``.

``float32`` rounds like any other order of summation. ``bfloat16`` has eight bits of mantissa.
``int8`` holds weights in eight bits with one scale an output, and activations in eight bits with
one scale a *token*: a score then does not depend on what else is in the batch, as it does with the
one scale for all that other dynamic quantisation takes.
"""

from __future__ import annotations

import platform
from functools import cache
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

Precision = Literal["float32", "bfloat16", "int8"]
Activation = Literal["none", "gelu"]

_TO_WEIGHTS = 0.85
"""How much of the difference between inputs is moved into the weights: the exponent of Xiao et al.
2023 (SmoothQuant), as measured on MiniLM's pairs, where it halved the largest error of a score."""

_GELU_LEAST = 0.17
"""GELU is nowhere below -0.17: added, its values use all of an unsigned byte."""


@cache
def has_onednn() -> bool:
    """Whether weights can be laid out for oneDNN here; the operators are those of inductor."""
    return (
        platform.machine().lower() in ("x86_64", "amd64")
        and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
        and hasattr(torch.ops.mkldnn, "_reorder_linear_weight")
    )


def has_int8() -> bool:
    """Whether products of bytes are exact and fast here: oneDNN on a processor with VNNI.

    Without VNNI sums of two products saturate at 16 bits.
    """
    return (
        has_onednn()
        and hasattr(torch.ops.onednn, "qlinear_pointwise")
        and bool(torch.cpu._is_vnni_supported())
    )


_ROWS = 32


def _rounded_up(x: Tensor) -> Tensor:
    """``x`` with rows of zeros to a multiple of 32.

    oneDNN compiles a kernel for every number of rows that it meets and keeps a thousand of them:
    with batches of any number of tokens, several hundred megabytes.
    """
    missing = -len(x) % _ROWS
    return functional.pad(x, (0, 0, 0, missing)) if missing else x


class Linear:
    """One layer, for inference alone.

    Args:
        weight: [out, in], float32; taken over, not copied, where it need not be laid out anew.
        bias: [out], float32, or None.
        precision: of weights and products.
        activation: of the result.
        after_gelu: the input is what a GELU gave: int8 then has twice as many steps for it.
        magnitude: [in], about how large each input gets. A few inputs are many times as large as
            the others and would leave these a few of a token's steps; int8 evens them out and
            multiplies the weights in return.
    """

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor | None,
        precision: Precision = "float32",
        *,
        activation: Activation = "none",
        after_gelu: bool = False,
        magnitude: Tensor | None = None,
    ) -> None:
        self.precision = precision
        self.activation = activation
        self._after_gelu = after_gelu
        # oneDNN lays a matrix of bfloat16 out only where the processor has instructions for it.
        self._onednn = has_onednn() and (
            precision != "bfloat16" or torch.ops.mkldnn._is_mkldnn_bf16_supported()
        )
        self._bias: Tensor | None
        self._even: Tensor | None = None
        if precision == "int8":
            if magnitude is not None:
                factor = _evening(magnitude, weight)
                self._even = factor.reciprocal()
                weight = weight * factor
            self._scale = weight.abs().amax(1).clamp(min=1e-12) / 127
            self._bias = torch.zeros(len(weight)) if bias is None else bias
            bytes_ = (weight / self._scale[:, None]).round().to(torch.int8)
            if after_gelu:
                # What the shift of the input adds to every output.
                shifted = bytes_.sum(1, dtype=torch.int32) * self._scale
                self._bias = self._bias - _GELU_LEAST * shifted
            self._zeros = torch.zeros(len(weight), dtype=torch.int32)
            self._weight = torch.ops.onednn.qlinear_prepack(bytes_, None)
            return
        dtype = getattr(torch, precision)
        self._bias = None if bias is None else bias.to(dtype)
        weight = weight.to(dtype).contiguous()
        self._weight = (
            torch.ops.mkldnn._reorder_linear_weight(weight, None) if self._onednn else weight
        )

    def __call__(self, x: Tensor, residual: Tensor | None = None) -> Tensor:
        """The activation of [tokens, out], plus ``residual`` where there is one."""
        result: Tensor
        if self.precision == "int8":
            result = self._int8(x)
        elif self._onednn:
            count = len(x)
            x = _rounded_up(x)
            if residual is not None and self.activation == "none":
                fused: Tensor = torch.ops.mkldnn._linear_pointwise.binary(
                    x, _rounded_up(residual), self._weight, self._bias, "add"
                )
                return fused[:count]
            algorithm = "none" if self.activation == "gelu" else ""
            result = torch.ops.mkldnn._linear_pointwise(
                x, self._weight, self._bias, self.activation, [], algorithm
            )[:count]
            return result if residual is None else result + residual
        else:
            result = functional.linear(x, self._weight, self._bias)
        if self.activation == "gelu":
            result = functional.gelu(result)
        return result if residual is None else result + residual

    @property
    def bias(self) -> Tensor | None:
        """As given, but for int8 after a GELU; in the precision of the layer."""
        return self._bias

    def dense_weight(self) -> Tensor:
        """The weight [out, in] in its precision, which is one of floats."""
        assert self.precision != "int8"
        dense: Tensor = self._weight.to_dense() if self._onednn else self._weight
        return dense

    def _int8(self, x: Tensor) -> Tensor:
        if self._after_gelu:
            scale = x.amax(1, keepdim=True).add_(_GELU_LEAST).div_(255)
            zero = 0
            bytes_ = (x + _GELU_LEAST).mul_(scale.reciprocal()).add_(0.5).to(torch.uint8)
        else:
            if self._even is not None:
                x = x * self._even
            least, most = torch.aminmax(x, dim=1, keepdim=True)
            scale = torch.maximum(most, least.neg()).clamp_(min=1e-12).div_(127)
            zero = 128
            bytes_ = (x * scale.reciprocal()).add_(128.5).to(torch.uint8)
        product = torch.ops.onednn.qlinear_pointwise(
            bytes_,
            1.0,
            zero,
            self._weight,
            self._scale,
            self._zeros,
            None,
            1.0,
            0,
            torch.float32,
            "none",
            [],
            "",
        )
        assert self._bias is not None
        return torch.addcmul(self._bias, product, scale)


def _evening(magnitude: Tensor, weight: Tensor) -> Tensor:
    """What each input is divided by, and its column of the weight multiplied; of mean log 0."""
    largest = weight.abs().amax(0).clamp(min=1e-6)
    factor = magnitude.clamp(min=1e-6) ** _TO_WEIGHTS / largest ** (1 - _TO_WEIGHTS)
    evened: Tensor = factor / factor.log().mean().exp()
    return evened
