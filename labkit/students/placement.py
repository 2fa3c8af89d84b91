"""Where a model runs and in which precision, with the reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from labkit.errors import InputError

if TYPE_CHECKING:
    import torch

    from labkit.linear import Precision

DTYPES = ("float32", "bfloat16", "float16", "int8")


@dataclass(frozen=True, slots=True)
class Placement:
    """Device and dtype of the weights; scores are float32 in any case."""

    device: torch.device
    dtype: torch.dtype
    reason: str

    def __str__(self) -> str:
        return f"{self.device}, {str(self.dtype).removeprefix('torch.')} ({self.reason})"


def choose_placement(device: str | None = None, dtype: str | None = None) -> Placement:
    """CUDA in bfloat16 where there is one, else Apple's GPU, else the CPU; the latter in float32.

    Less than float32 is never chosen on a CPU: the scores would not be those of the checkpoint.
    Where it may be, ``bfloat16`` pays on a processor with instructions for it (see
    :func:`fast_bfloat16`) and ``int8`` on one with VNNI, for scoring alone.

    Raises:
        InputError: the device is not here, or the dtype is none of :data:`DTYPES`, or not for this
            device.
    """
    import torch

    if dtype is not None and dtype not in DTYPES:
        raise InputError(f"dtype is {dtype!r}, expected one of {', '.join(DTYPES)}")
    if device is None:
        if torch.cuda.is_available():
            name, reason = "cuda", f"found {torch.cuda.get_device_name()}"
        elif torch.backends.mps.is_available():
            name, reason = "mps", "found an Apple GPU"
        else:
            name, reason = "cpu", f"no GPU found, {torch.get_num_threads()} threads"
    else:
        name, reason = device, "device as asked"
    try:
        chosen = torch.device(name)
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError) as error:
        first_line = str(error).splitlines()[0]
        raise InputError(
            f"device {name!r} cannot be used ({first_line}), expected cpu, mps, cuda or cuda:N"
        ) from None
    if chosen.type == "cuda":
        # For masked attention torch takes cuDNN's kernel, which plans anew for every shape, and
        # the chunks of ragged texts hardly repeat one: on an H200 that was two thirds of a step.
        torch.backends.cuda.enable_cudnn_sdp(False)
    if dtype == "int8" and chosen.type != "cpu":
        raise InputError(f"dtype is 'int8' on {chosen.type}, expected it with device cpu")
    if dtype is None:
        half = chosen.type == "cuda" and torch.cuda.is_bf16_supported()
        return Placement(chosen, torch.bfloat16 if half else torch.float32, reason)
    return Placement(chosen, getattr(torch, dtype), f"{reason}, dtype as asked")


def precision_on_cpu(placement: Placement) -> Precision | None:
    """That in which our own layers run there; None where they do not: elsewhere, or in float16."""
    import torch

    names: dict[torch.dtype, Precision] = {
        torch.float32: "float32",
        torch.bfloat16: "bfloat16",
        torch.int8: "int8",
    }
    return names.get(placement.dtype) if placement.device.type == "cpu" else None


def fast_bfloat16(device: torch.device) -> bool:
    """Whether matrix products in bfloat16 are faster there than in float32.

    So it is on a CUDA card that has them, and on a CPU with AVX512-BF16 or AMX instructions: there
    training MiniLM was five times as fast as in float32. A CPU without these emulates bfloat16,
    slowly.
    """
    import torch

    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    if device.type == "cpu":
        return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return False
