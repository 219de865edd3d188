"""Why clips were picked: what a base sees in them, worked out by hand for a base whose features are colours."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from clipselect.zoo.base import Base
from helpers.sampling import tiny_ddnet
from torch import Tensor, nn

from clipselect import Scorer, load_scorer, select
from clipselect.errors import ArgumentError, NetworkError, VideoError
from clipselect.samplers.explanation import explain_features
from clipselect.scoring.input_spec import InputSpec

SPEC = InputSpec(32, 32, (0.0,) * 3, (1.0,) * 3, 2)
COLOURS = {"red": (1.0, 0, 0), "green": (0, 1.0, 0), "blue": (0, 0, 1.0), "grey": (1.0, 1, 1)}


class Colours(nn.Module):
    """The feature is the mean colour, and the head's rows are `COLOURS`."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.head = nn.Identity(), nn.Linear(3, 4, bias=False)
        self.head.weight.data = torch.tensor([*COLOURS.values()])

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(self.hidden(x.mean((2, 3, 4))))
        return logits


def colour_base(**options: Any) -> Base:
    return Base.from_module(Colours(), SPEC, 1.0, name="colours", device="cpu", **options)


def film(*colours: tuple[int, int, int]) -> np.ndarray:
    """A second of each colour, 10 frames per second."""
    return np.repeat(np.array(colours, np.uint8), 10, axis=0)[:, None, None].repeat(32, 1).repeat(32, 2)


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    return load_scorer(tiny_ddnet(tmp_path_factory.mktemp("model") / "tiny.safetensors"), "cpu")


@pytest.mark.parametrize("named", [3, 4])
def test_a_case_worked_by_hand(scorer: Scorer, named: int) -> None:
    """Colour (204, 102, 0) has the cosines 2, 1, 0 over sqrt 5 with red, green and blue, 3 over sqrt 15 with grey."""
    base = colour_base(classes=tuple(COLOURS)[:named])
    picks = select(film((204, 102, 0), (128, 128, 128)), scorer=scorer, k=2, fps=10, explain=base)
    orange, grey = (pick.explanation for pick in picks)
    assert orange is not None and grey is not None
    negative = "background" if named == 3 else "grey"
    assert (orange.nearest, orange.hardest_negative) == ("red", negative)
    assert orange.similarity == pytest.approx(2 / math.sqrt(5), abs=1e-5)
    assert orange.discriminability == pytest.approx(2 / math.sqrt(5) / (3 / math.sqrt(15)), abs=1e-5)
    if named == 4:
        assert (grey.nearest, grey.answer) == ("grey", "grey")
        assert grey.discriminability == pytest.approx(math.sqrt(3), abs=1e-5)
    else:  # background is a negative only
        assert (grey.nearest, grey.hardest_negative, grey.answer) == ("red", "background", "background")
        assert grey.discriminability == pytest.approx(1 / math.sqrt(3), abs=1e-5)
    logits = torch.tensor([0.5, 0.5, 0.5, 1.5]) * 256 / 255
    assert grey.probability == pytest.approx(float(logits.softmax(0)[3]), abs=1e-3)


def test_a_feature_near_no_class_and_a_zero_feature_are_numbers() -> None:
    features = torch.tensor([[-1.0, -1, -1], [0, 0, 0]])
    probabilities = torch.full((2, 4), 0.25)
    away, zero = explain_features(features, probabilities, torch.tensor([*COLOURS.values()]), [*COLOURS])
    assert away.discriminability < 0 and zero.discriminability == zero.similarity == 0
    assert away.nearest != away.hardest_negative and zero.nearest != zero.hardest_negative


@pytest.mark.parametrize("keep_frames", [True, False])
def test_every_pick_has_its_own_explanation_whatever_its_rank(scorer: Scorer, keep_frames: bool) -> None:
    colours = [(200, 0, 0), (0, 0, 200), (0, 200, 0), (0, 0, 255), (255, 0, 0)]
    given = film(*colours)
    steps: list[tuple[str, int, int]] = []
    picks = select(
        given, scorer=scorer, k=5, fps=10, explain=colour_base(classes=tuple(COLOURS)), keep_frames=keep_frames,
        progress=lambda p: steps.append((p.stage, p.done, p.total)),
    )  # fmt: skip
    assert [e.nearest for e in picks.explanations] == ["red", "blue", "green", "blue", "red"]
    assert [pick.explanation for pick in picks] == [*picks.explanations]
    assert steps[-1] == ("explaining", 5, 5)
    assert len(picks.scores.source.pixels) == (len(given) if keep_frames else 0)  # type: ignore[attr-defined]


def test_records_tables_and_notebooks_hold_it(scorer: Scorer, video: Path) -> None:
    pytest.importorskip("pandas")
    bare = select(video, 1, scorer=scorer)
    assert {clip["explanation"] for clip in bare.to_dict()["clips"]} == {None}
    assert "nearest" not in bare.to_pandas() and bare[0].explanation is None and "nearest" not in bare._repr_html_()
    picks = bare.explain(colour_base(classes=("<b>red", *[*COLOURS][1:])))
    for clip in picks.to_dict()["clips"]:
        assert (clip["explanation"] is not None) == clip["picked"]
    table = picks.to_pandas()
    assert table["nearest"].notna().sum() == 1 and "explanation" not in table
    html = picks._repr_html_()
    assert "hardest negative" in html and "eq. 3" in html and "<b>red" not in html


@pytest.mark.parametrize(
    "options", [{"feature_layer": "hidden"}, {"feature_layer": "hidden", "head": "head"}], ids=["none", "another"]
)
def test_a_base_without_a_head_for_its_features_is_refused_at_once(scorer: Scorer, options: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match=r"colours .*head=") as caught:
        select("no such video", scorer=scorer, explain=colour_base(**options))
    assert caught.value.argument == "explain"


def test_a_linear_layer_that_is_not_the_last_is_no_head(scorer: Scorer) -> None:
    net = nn.Sequential(nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(3, 7), Halved())
    with pytest.raises(ArgumentError, match="linear head"):
        select("no such video", scorer=scorer, explain=Base.from_module(net, SPEC, 1.0, device="cpu"))


class Halved(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x[:, :3]


@pytest.mark.parametrize("explain", ["", 3, torch.nn.Identity()])
def test_what_is_no_base_is_refused_at_once(scorer: Scorer, explain: Any) -> None:
    with pytest.raises(ArgumentError) as caught:
        select("no such video", scorer=scorer, explain=explain)
    assert caught.value.argument == "explain"


def test_a_base_that_fails_is_named_with_the_video(scorer: Scorer, video: Path) -> None:
    base = colour_base()
    with torch.no_grad():
        base.net.head.weight[:] = torch.nan  # type: ignore[union-attr,index,operator]
    with pytest.raises(NetworkError, match=rf"{video.name}.*colours"):
        select(video, 1, scorer=scorer, explain=base)


def test_a_video_that_has_changed_since_is_not_explained(scorer: Scorer, tmp_path: Path, video: Path) -> None:
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(video.read_bytes())
    picks = select(copy, 1, scorer=scorer)
    copy.write_bytes(video.read_bytes() + b"more")
    with pytest.raises(VideoError, match="copy"):
        picks.explain(colour_base())
