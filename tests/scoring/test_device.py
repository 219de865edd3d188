"""Devices by name."""

import pytest

from clipselect.errors import ClipselectError
from clipselect.scoring.device import pick_device


def test_absent_devices_are_named() -> None:
    for name in ("cuda:99", "meta", "toaster"):
        with pytest.raises(ClipselectError, match=name):
            pick_device(name)
