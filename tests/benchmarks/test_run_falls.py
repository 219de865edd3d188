"""The benchmark of falls, on videos that it makes itself."""

from pathlib import Path

import pytest
import run_falls
import synthetic
from helpers.benchmark_fixtures import made, one_thread
from helpers.videos import make_video

from clipselect.errors import ClipselectError
from clipselect.evaluation.results import read_results

__all__ = ["made", "one_thread"]


def test_falls_that_the_best_clips_meet_are_counted(made: synthetic.Synthetic, tmp_path: Path) -> None:
    data = tmp_path / "falls"
    data.mkdir()
    for name in ("a", "b"):
        make_video(data / f"{name}.mp4", 60)
    (data / "falls.csv").write_text(
        "video,fall_first_frame,fall_last_frame\na.mp4,0,59\nb.mp4,100,110\nbroken.mp4,1,2\n"
    )
    run_falls.main(["--data", str(data), "--model", str(made.model), "--device", "cpu", "--out", str(tmp_path / "out")])
    document = read_results(tmp_path / "out").record()
    assert {row["hit"] for row in document["rows"]} == {50.0}  # all of a fall, none of b
    assert {d["differing"] for d in document["differences"]} == {0}
    assert [Path(u["path"]).name for u in document["data"][0]["unreadable"]] == ["broken.mp4"]
    (data / "falls.csv").write_text("video,fall_first_frame,fall_last_frame\na.mp4,0,59\n")
    run_falls.main(["--data", str(data), "--model", str(made.model), "--device", "cpu", "--out", str(tmp_path / "out")])
    alone = read_results(tmp_path / "out").record()["rows"][0]
    assert (alone["hit"], alone["hit_high"]) == (100, 100) and alone["hit_low"] == pytest.approx(2.5)  # of one video
    (data / "falls.csv").write_text("video\na.mp4\n")
    with pytest.raises(ClipselectError, match="fall_first_frame"):
        run_falls.main(["--data", str(data), "--model", str(made.model), "--out", str(tmp_path / "out")])
