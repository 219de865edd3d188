"""Which device a network runs on."""

from typing import TYPE_CHECKING

from clipselect.errors import ArgumentError, check_argument

if TYPE_CHECKING:
    import torch


def pick_device(name: str) -> "torch.device":
    """The torch device of that name; "auto" is CUDA if there is one, and otherwise the CPU.

    >>> pick_device("cpu")
    device(type='cpu')

    Raises:
        ArgumentError: no such device here.
    """
    import torch

    if known_device(name) == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError, ImportError) as e:
        raise ArgumentError("device", f"{name!r} is not available here; use cpu, or auto") from e
    check_argument(device.type != "meta", "device", "'meta' holds no data; use cpu, or auto")
    return device


def known_device(name: str) -> str:
    """A name that torch knows, or "auto"; whether the device is there is not asked.

    >>> known_device("cuda:3")
    'cuda:3'
    """
    import torch

    try:
        if name != "auto":
            torch.device(name)
    except (RuntimeError, TypeError) as e:
        raise ArgumentError("device", f"must be 'cpu', 'cuda', 'cuda:1', ... or 'auto', got {name!r}") from e
    return name


def check_same_device(device: "torch.device", base: "torch.device") -> None:
    """Raise an ArgumentError if a network that calls a base in its steps is to be on another device than the base."""
    one, other = ((d.type, d.index or 0) for d in (device, base))
    check_argument(one == other, "device", f"is {device}, and the base is on {base}; load the base on {device}, too")
