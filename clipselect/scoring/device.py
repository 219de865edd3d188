"""Which device a network runs on, and in which precision."""

from pathlib import Path
from typing import TYPE_CHECKING

from clipselect.errors import ArgumentError, check_argument

if TYPE_CHECKING:
    import torch

PRECISIONS = ("auto", "32", "bf16")


def pick_device(name: str) -> "torch.device":
    """The torch device of that name; "auto" is CUDA if there is one, and otherwise the CPU.

    >>> pick_device("cpu")
    device(type='cpu')

    Raises:
        ArgumentError: no such device here.
    """
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError, ImportError) as e:
        raise ArgumentError("device", f"{name!r} is not available here; use cpu, or auto") from e
    check_argument(device.type != "meta", "device", "'meta' holds no data; use cpu, or auto")
    return device


def pick_precision(name: str, device: "torch.device", argument: str = "precision") -> str:
    """The precision of that name, "32" or "bf16"; "auto" is bf16 where the hardware multiplies it fast.

    Raises:
        ArgumentError: of `argument`: no such precision.
    """
    check_argument(name in PRECISIONS, argument, f"must be one of {', '.join(PRECISIONS)}, got {name}")
    if name == "auto":
        return "bf16" if _has_fast_bf16(device) else "32"
    return name


def _has_fast_bf16(device: "torch.device") -> bool:
    import torch

    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    try:
        features = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return "amx_bf16" in features or "avx512_bf16" in features


def check_same_device(device: "torch.device", base: "torch.device") -> None:
    """Raise an ArgumentError if a network that calls a base in its steps is to be on another device than the base."""
    one, other = ((d.type, d.index or 0) for d in (device, base))
    check_argument(one == other, "device", f"is {device}, and the base is on {base}; load the base on {device}, too")
