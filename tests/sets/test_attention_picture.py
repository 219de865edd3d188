"""The picture of what a region of a face is related to."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.set_networks import tiny_base, write_lfenet

from clipselect.errors import ArgumentError
from clipselect.media.images import read_image
from clipselect.sets.attention_picture import attention_maps, draw_attention
from clipselect.sets.set_network import SetNetwork, load_set_network

FACES = np.random.default_rng(0).integers(0, 256, (3, 20, 20, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> SetNetwork:
    base = tiny_base()
    return load_set_network(write_lfenet(tmp_path_factory.mktemp("w") / "a.safetensors", base, max_segment=4), base)


def test_attention_is_a_share_of_every_region_of_every_image(network: SetNetwork) -> None:
    maps = attention_maps(network, [*FACES], image=1, at=(0.5, 0.99))
    assert maps.shape == (3, 4, 4) and maps.sum() == pytest.approx(1, abs=1e-5) and (maps >= 0).all()
    swapped = attention_maps(network, [*FACES[::-1]], image=1, at=(0.5, 0.99))
    np.testing.assert_allclose(swapped, maps[::-1], atol=1e-6)
    assert not np.allclose(attention_maps(network, [*FACES], image=1, at=(0, 0)), maps)


def test_it_is_drawn_with_a_box_where_the_question_is_asked(network: SetNetwork, tmp_path: Path) -> None:
    drawn = [draw_attention(network, [*FACES], tmp_path / f"{n}.png", image=n) for n in (0, 2)]
    left, right = (np.asarray(read_image(str(path))).astype(int) for path in drawn)
    assert left.shape == right.shape and left.shape[1] > left.shape[0]
    red = [
        np.flatnonzero(((p[..., 0] > 200) & (p[..., 1] < 60) & (p[..., 2] < 60)).any(0)).mean() for p in (left, right)
    ]
    assert red[0] < left.shape[1] / 3 < 2 * left.shape[1] / 3 < red[1]
    assert draw_attention(network, [FACES[0]], tmp_path / "one.svg").read_text().startswith("<?xml")


@pytest.mark.parametrize(
    ("argument", "options"),
    [
        ("image", {"image": 3}), ("at", {"at": (0.5, 1.0)}), ("at", {"at": (-0.1, 0.5)}),
        ("output", {"output": "a.jpg"}), ("images", {"images": []}), ("images", {"images": [*FACES, *FACES]}),
    ],
)  # fmt: skip
def test_arguments_that_make_no_sense_are_named(
    argument: str, options: dict[str, Any], network: SetNetwork, tmp_path: Path
) -> None:
    how: dict[str, Any] = {"images": [*FACES], "output": "a.png"} | options
    with pytest.raises(ArgumentError) as refused:
        draw_attention(network, how.pop("images"), tmp_path / how.pop("output"), **how)
    assert refused.value.argument == argument and not [*tmp_path.iterdir()]
