"""Every file under shared/data/decode is scored or refused in one sentence, as `decode_expected.json` says."""

import json
from pathlib import Path
from typing import Any

import pytest

from clipselect.errors import VideoError
from clipselect.media.sources import open_source
from clipselect.scoring.scorer import load_scorer
from clipselect.scoring.video_scores import score_video

EXPECTED: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("decode_expected.json").read_text())


@pytest.mark.parametrize("name", EXPECTED)
def test_file(shared: Path, name: str) -> None:
    path, expected = shared / "decode" / name, EXPECTED[name]
    if "error" in expected:
        with pytest.raises(VideoError, match=expected["error"]) as caught:
            score_video(open_source(path), load_scorer(device="cpu"))
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)
        return
    scored = score_video(open_source(path), load_scorer(device="cpu"))
    assert len(scored.source.timeline.pts) == expected["frames"]
    assert float(scored.duration) == pytest.approx(expected["duration"], abs=1e-5)
    assert len(scored.clips) == len(scored.scores) == expected["clips"]
    assert ((scored.scores > 0) & (scored.scores < 1)).all()
    assert bool(scored.source.warnings) == expected.get("warning", False)


def test_no_file_was_forgotten(shared: Path) -> None:
    found = {str(p.relative_to(shared / "decode")) for p in (shared / "decode").rglob("*") if p.is_file()}
    assert found - {"matrix.json"} == set(EXPECTED)
