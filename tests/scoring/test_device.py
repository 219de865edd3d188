"""Devices by name."""

import pytest

from clipselect.errors import ClipselectError
from clipselect.scoring import scorer as scorer_module


def test_absent_devices_are_named() -> None:
    for name in ("cuda:99", "meta", "toaster"):
        with pytest.raises(ClipselectError, match=name):
            scorer_module.pick_device(name)
