"""Who is evaluated: persons that a list names, that no network has seen, and whose images can be read."""

from pathlib import Path

import pytest
from helpers.frame_fixtures import cut, pattern, write
from helpers.person_evaluation import Bench, mars, people, person_bench, row
from scipy.io import savemat

from clipselect.errors import ClipselectError, ClipselectWarning


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return person_bench(tmp_path)


def test_queries_without_a_true_match_are_left_out_and_counted(bench: Bench, tmp_path: Path) -> None:
    data = people(tmp_path / "mars")
    mars(data, identity=9, camera=1)  # whom no second camera sees
    mars(data, identity=0, camera=3)  # a distractor
    write(data / "00-1" / "00-1C1T0001F001.png", pattern(1, 1))  # junk
    with pytest.warns(ClipselectWarning, match="1 of 9 queries have no true match"):
        document = bench(data)
    (facts,) = document["data"]
    assert (facts["queries"], facts["unmatched"], facts["gallery"], facts["videos"]) == (8, 1, 10, 11)
    assert facts["sources"] == row(document, "average")["sources"] == 4  # whom the intervals draw


def test_names_that_say_nobody_and_images_that_cannot_be_read_are_named_and_left_out(
    bench: Bench, tmp_path: Path
) -> None:
    data = people(tmp_path / "mars")
    write(data / "0001" / "holiday.png", pattern(1, 1))
    cut(mars(data, identity=8, camera=1)[1], 0.5)
    for path in mars(data, identity=8, camera=2):
        cut(path, 0.5)
    for _ in range(2):  # the second time from the cache
        errors: list[tuple[str, str]] = []
        with pytest.warns(ClipselectWarning, match="no true match"):
            document = bench(data, lambda path, error, seen=errors: seen.append((Path(path).name, str(error))))
        (facts,) = document["data"]
        named = dict(errors)
        assert len(errors) == len(named) == 5 and "is not named like 0718C3T0010F004.jpg" in named["holiday.png"]
        assert (facts["videos"], facts["unmatched"], len(facts["unreadable"])) == (9, 1, 5)
        assert {Path(u["path"]).name for u in facts["unreadable"]} == named.keys() > {"0008C1T0001F002.png"}


def test_folders_of_tracklets_without_names_of_mars(bench: Bench, tmp_path: Path) -> None:
    for i, name in enumerate(("ann", "bob", "cy")):
        for camera in ("east", "west"):
            for n in range(2):
                write(tmp_path / "own" / name / camera / "t1" / f"{n}.png", pattern(i, 10 * len(camera) + n))
    (facts,) = bench(tmp_path / "own")["data"]
    assert (facts["queries"], facts["unmatched"]) == (6, 0)


def test_who_was_trained_on_is_left_out(bench: Bench, tmp_path: Path) -> None:
    train, market = people(tmp_path / "mars" / "train", count=3), tmp_path / "market1501_train"
    people(tmp_path / "mars" / "val", first=11, count=2)
    for identity in (1, 2, 5, 6, 7, 8, 11):  # 1 and 2 were trained on by MARS, of the others a fifth is held out
        for camera in (1, 2):
            write(market / f"{identity:04d}_c{camera}s1_000001_00.png", pattern(identity, camera))
    document = bench([tmp_path / "mars", market], trained_on=[tmp_path / "mars", market])
    counts = {d["name"]: d["sources"] for d in document["data"]}
    assert counts["mars, as they are"] == 2 and 1 <= counts["market1501_train, as they are"] <= 3
    with pytest.raises(ClipselectError, match=r"train: all its identities are among those of trained_on"):
        bench(train, trained_on=[tmp_path / "mars"])


def test_a_list_says_who_is_evaluated_as_that_of_x_mars(bench: Bench, tmp_path: Path) -> None:
    data, listed, tracks = people(tmp_path / "mars", count=5), tmp_path / "who.txt", tmp_path / "tracks_test_info.mat"
    write(data / "0000" / "0000C1T0001F001.png", pattern(9, 1))
    listed.write_text("0002\n\n4\n77\n")
    savemat(tracks, {"xmars_track_test_info": [[1, 3, -1, 1], [4, 6, 2, 1], [7, 9, 4, 2]]})
    for path in (listed, tracks):
        document = bench(data, identities=path)
        (facts,) = document["data"]
        assert (facts["sources"], facts["queries"], facts["gallery"]) == (2, 4, 5)  # and the distractor
        assert document["settings"]["identities"] == str(path)
    assert "identities" not in bench(data)["settings"]
    for content in (b"9\n", b" \n", b"\xff\xfe"):
        listed.write_bytes(content)
        with pytest.raises(ClipselectError, match=r"who.txt(: names nobody|: cannot be read| names none)"):
            bench(people(tmp_path / "other", count=2), identities=listed)
    listed.write_text("9\n0\n")
    with pytest.raises(ClipselectError, match=r"who.txt names none of its identities"):
        bench(data, identities=listed)  # which has a distractor, who is nobody
    with pytest.raises(ClipselectError, match=r"absent.mat: cannot be read \(.*; check the path"):
        bench(data, identities=tmp_path / "absent.mat")
    tracks.write_bytes(b"no tracks")
    with pytest.raises(ClipselectError, match=r"tracks_test_info.mat: holds no tracks \[n, 4\]"):
        bench(data, identities=tracks)


def test_nothing_to_evaluate_is_one_clear_sentence(bench: Bench, tmp_path: Path) -> None:
    junk, alone, broken = tmp_path / "junk", tmp_path / "alone", people(tmp_path / "broken")
    write(junk / "00-1" / "00-1C1T0001F001.png", pattern(1, 1))
    with pytest.raises(ClipselectError, match=r"junk: the gallery is empty: all its tracklets are junk .*; add others"):
        bench(junk)
    mars(alone, identity=1), mars(alone, identity=2)
    with pytest.raises(ClipselectError, match=r"alone: no query has a true match: that needs an identity that two cam"):
        bench(alone)
    for path in broken.glob("*/*.png"):
        cut(path, 0.5)
    with pytest.raises(ClipselectError, match="not one of the 24 images can be read"):
        bench(broken)
    with pytest.raises(ClipselectError, match=r"none: no such folder"):
        bench(tmp_path / "none")
    with pytest.raises(ClipselectError, match=r"not one of its images is named like 0002_c1s1_000451_03.jpg"):
        bench(alone, layout="market1501")
