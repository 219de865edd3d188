"""The evaluation of sets of faces, on small pictures and networks that it makes itself."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from helpers.command_line import Run
from helpers.frame_fixtures import EMBEDDER, cut, pattern, people, textured, tiny_ddnet, write

from clipselect.errors import ArgumentError, ClipselectError, ClipselectWarning
from clipselect.evaluation.results import read_results
from clipselect.evaluation.sets.faces import FaceEvaluation

COUNTED = """
def counted():  # as sharp, with a cost
    return Embedder.from_module(Sharp(), InputSpec(32, 32, HALF, HALF), name="sharp", gflops=0.5, device="cpu")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("faces")
    people(made / "people", 5, 8, draw=textured)
    (made / "base.py").write_text(EMBEDDER + COUNTED)
    tiny_ddnet(made / "model.safetensors")
    return made


def call(folder: Path, data: Path, out: Path, **options: Any) -> dict[str, Any]:
    """The results file of an evaluation with the small networks, whatever OUT held; its cache is kept."""
    (out / "results.json").unlink(missing_ok=True)
    how: dict[str, Any] = {"base": f"{folder / 'base.py'}:counted", "model": folder / "model.safetensors"}
    how |= {"device": "cpu", "far": [0.1], "draws": 50, "k": [1, 2]}
    FaceEvaluation(data, **how | options).run(out)
    document: dict[str, Any] = json.loads((out / "results.json").read_text())
    return document


def row(document: dict[str, Any], data: str, method: str, k: int | None = None) -> dict[str, Any]:
    (found,) = [r for r in document["rows"] if (r["data"], r["method"], r["k"]) == (data, method, k)]
    return found


def test_a_whole_run_sharp_and_blurred(folder: Path, tmp_path: Path, run: Run) -> None:
    how = {"set_size": [4], "seeds": [0, 1], "blur": [9], "domains": ["p0"], "name": "made"}
    document = call(folder, folder / "people", tmp_path, **how)
    assert [one["name"] for one in document["data"]] == ["made", "made, p0", "made, blur 9", "made, blur 9, p0"]
    first = document["data"][0]
    assert (first["videos"], first["sources"], first["rounds"], first["candidates"]) == (20, 5, 2, 4)
    assert (first["genuine_pairs"], first["impostor_pairs"]) == (2 * 5, 2 * 40)
    average, best = row(document, "made", "average"), row(document, "made", "ddl", 2)
    assert (average["clips"], best["clips"], average["acceleration"]) == (4, 2, 1)
    assert best["acceleration"] == pytest.approx(4 * 0.5 / (2 * 0.5 + 4 * document["model"]["gflops"]))
    assert best["acceleration_seconds"] > 0 and row(document, "made", "ddl_threshold")["clips"] <= 4
    assert {"oracle", "oracle_all"} <= {r["method"] for r in document["rows"] if r["data"] == "made"}
    assert row(document, "made, blur 9", "oracle_sharp")["clips"] == 1
    assert {d["than"] for d in document["differences"] if d["method"].startswith("oracle")} == {"average"}
    whole, domain = (row(document, f"made, blur 9{name}", "ddl", 1) for name in ("", ", p0"))
    assert domain == whole | {"data": "made, blur 9, p0"}  # all identities begin so
    plain, blurred = document["ranking"]
    assert {"rho_within_sets", "best_by_score_is_best_by_d"} == {*plain} - {"data"}
    assert 0 <= blurred["auc_sharp"] <= 1 and 0 <= blurred["best_by_d_is_sharp"] <= 1
    assert blurred["best_by_d_is_sharp"] > 0.5  # the base goes by contrast from pixel to pixel
    assert (document["element"], document["group"], document["environment"]["device"]) == ("frame", "set", "cpu")

    before = sorted((tmp_path / "cache").iterdir())
    again = call(folder, folder / "people", tmp_path, **how)
    assert sorted((tmp_path / "cache").iterdir()) == before
    assert again["rows"] == document["rows"] and again["differences"] == document["differences"]
    assert read_results(tmp_path).group == "set"
    assert run("report", tmp_path, "--out", tmp_path / "report", "-q").code == 0
    page = (tmp_path / "report" / "report.html").read_text()
    assert "TAR at FAR 1e-1" in page and "acceleration" in page and "not known to this version" not in page


def test_set_sizes_apart_and_every_frame_degraded(folder: Path, tmp_path: Path, run: Run) -> None:
    people(tmp_path / "d", 5, 8, draw=textured)
    people(tmp_path / "d", 2, 4, first=5, draw=textured)  # too few for sets of 4
    how: dict[str, Any] = {"base": f"{folder / 'base.py'}:counted", "model": folder / "model.safetensors"}
    options = ["--set-size", 2, 4, "--seeds", 0, "--degrade", "--far", 0.1, "--draws", 50, "--k", 1, "--device", "cpu"]
    found = run(
        "evaluate", "faces", "--data", tmp_path / "d", "--base", how["base"], "--model", how["model"],
        "--out", tmp_path / "out", "-q", *options,
    )  # fmt: skip
    assert found.code == 0, found.err
    document = json.loads((tmp_path / "out/results.json").read_text())
    names = ["d, sets of 2", "d, sets of 4", "d, degraded, sets of 2", "d, degraded, sets of 4"]
    assert [one["name"] for one in document["data"]] == names
    assert [(one["videos"], one["sources"], one["candidates"]) for one in document["data"]] == [
        (24, 7, 2), (10, 5, 4), (24, 7, 2), (10, 5, 4),
    ]  # fmt: skip
    alone = call(folder, tmp_path / "d", tmp_path / "alone", set_size=[4], seeds=[0], k=[1])
    keys = [key for key in row(alone, "d", "average") if key.startswith(("tar", "rank"))]
    assert len(keys) == 6
    for key in keys:
        assert row(document, names[1], "average")[key] == row(alone, "d", "average")[key]
    assert any(row(document, names[3], "average")[key] != row(alone, "d", "average")[key] for key in keys)


def test_a_domain_has_its_own_impostors_and_its_own_costs(folder: Path, tmp_path: Path) -> None:
    for number, person in enumerate(("a0", "a1", "a2", "b0", "b1", "b2")):
        for one in range(2):
            for frame in range(2 if person < "b" else 4):
                write(tmp_path / "d" / person / str(one) / f"{frame}.png", textured(number, 5 * one + frame))
    document = call(folder, tmp_path / "d", tmp_path / "out", domains=["a", "b"])
    assert [(d["candidates"], d["videos"], d["impostor_pairs"]) for d in document["data"]] == [
        (3, 12, 60), (2, 6, 12), (4, 6, 12),
    ]  # fmt: skip
    average, even, top = (row(document, "d, a", *of) for of in (("average",), ("even", 2), ("top1",)))
    measured = [name for name in average if name.startswith(("tar", "rank"))]
    assert len(measured) == 6 and all(even[name] == average[name] for name in measured)
    assert (average["clips"], average["gflops"], average["videos"], average["sources"]) == (2, 1, 6, 3)
    assert top["gflops_ddnet"] == pytest.approx(2 * document["model"]["gflops"])
    assert row(document, "d, b", "average")["clips"] == 4 and row(document, "d", "average")["clips"] == 3
    best, read = row(document, "d, b", "oracle", 2), row(document, "d, b", "average")["seconds_decode"] / 4
    assert (best["clips"], best["gflops"], best["gflops_ddnet"], best["seconds_ddnet"]) == (2, 1, 0, 0)
    assert best["seconds_decode"] == pytest.approx(2 * read) and best["acceleration"] == 2


def test_a_domain_that_has_no_pairs_in_one_size_is_left_out_there(folder: Path, tmp_path: Path) -> None:
    for number, (person, frames) in enumerate({"a0": 6, "a1": 6, "b0": 2, "b1": 2}.items()):
        for frame in range(frames):
            write(tmp_path / "d" / person / f"{frame}.png", textured(number, frame))
    with pytest.warns(ClipselectWarning, match="d, sets of 3, b: no genuine or no impostor pairs"):
        document = call(folder, tmp_path / "d", tmp_path / "out", set_size=[1, 3], seeds=[0], domains=["b"])
    assert [one["name"] for one in document["data"]] == ["d, sets of 1", "d, sets of 1, b", "d, sets of 3"]


def test_what_is_broken_small_grey_or_alone_is_named_and_the_rest_goes_on(folder: Path, tmp_path: Path) -> None:
    data = people(tmp_path / "data", 4, 4, draw=textured)
    cut(data / "p00" / "1.png", 0.5)
    write(data / "p01" / "2.png", pattern(1, 9, 16))  # smaller than 20 pixels
    grey, clear = textured(2, 0)[..., 0], np.dstack([textured(2, 1), np.full((32, 32), 9, np.uint8)])
    for name, image in (("0", grey), ("1", clear)):
        assert cv2.imwrite(str(data / "p02" / f"{name}.png"), image)
    people(data, 1, 1, first=9)
    how: dict[str, Any] = {"base": f"{folder / 'base.py'}:counted", "model": folder / "model.safetensors"}
    for _ in range(2):  # the second run finds all in the cache
        left_out: list[str] = []
        with pytest.warns(ClipselectWarning) as said:
            evaluation = FaceEvaluation(
                data, set_size=[2], seeds=[0], far=[0.1], draws=50, blur=[9], device="cpu", **how
            )
            results = evaluation.run(tmp_path / "out", on_error=lambda path, error, seen=left_out: seen.append(path))
        sentences = [str(one.message) for one in said]
        assert any("p09: left out, fewer images than the" in one for one in sentences)
        assert len([one for one in sentences if "1 faces are smaller than 20 px" in one]) == 1
        assert left_out == [str(data / "p00" / "1.png")]  # once, although blurred frames fail again
        about = results.data[0].record()
        assert (about["smaller_than_20_px"], about["missing"], about["videos"]) == (1, 0, 8)
        assert sorted(Path(u["path"]).name for u in about["unreadable"]) == ["1.png", "p09"]
        assert about["candidates"] == pytest.approx((7 * 2 + 1) / 8)


def test_sets_of_different_sizes_in_folders_one_unreadable(folder: Path, tmp_path: Path) -> None:
    for person in range(3):
        for number, size in enumerate((1, 3)):
            for frame in range(size):
                write(
                    tmp_path / "d" / f"n{person}" / str(number) / f"{frame}.png", textured(person, 5 * number + frame)
                )
    cut(tmp_path / "d/n2/0/0.png", 0.5)
    document = call(folder, tmp_path / "d", tmp_path / "out", far=[0.2])
    about = document["data"][0]
    assert (about["videos"], about["missing"], about["genuine_pairs"], about["impostor_pairs"]) == (5, 1, 2, 8)
    assert row(document, "d", "ddl", 2)["clips"] == pytest.approx((1 + 2 + 1 + 2 + 2) / 5)
    assert row(document, "d", "top1")["clips"] == 1


def test_youtube_faces_by_folds(folder: Path, tmp_path: Path) -> None:
    lines = []
    for person in range(6):
        for number in range(2):
            for frame in range(2):
                write(tmp_path / f"y/n{person}/{number}/{frame}.png", textured(person, 5 * number + frame))
        lines += [
            f"{person % 2 + 1}, n{person}/0, n{person}/1, 1",
            f"{person % 2 + 1}, n{person}/0, n{5 - person}/1, 0",
        ]
    (tmp_path / "y/splits.txt").write_text("split, first, second, same\n" + "\n".join(lines) + "\n")
    found = row(call(folder, tmp_path / "y", tmp_path / "out", far=[0.5]), "y", "average")
    assert {"accuracy", "accuracy_low", "tar_at_far_5e-1"} <= {*found} and "rank1" not in found
    (tmp_path / "y/splits.txt").write_text("1, n0/0, n0/1, 1\n1, n0/0, n9/0, 0\n")
    with pytest.raises(ClipselectError, match=r"splits.txt, line 2: names the set n9/0"):
        call(folder, tmp_path / "y", tmp_path / "out")


def test_templates_are_pooled_by_media(folder: Path, tmp_path: Path) -> None:
    faces, n = [], 0
    for template in range(6):
        for medium in (0, 0, 0, 1):
            write(tmp_path / "t/loose_crop" / f"{n}.png", textured(template // 2, n))
            faces.append(f"{n}.png {template} {10 * template + medium}")
            n += 1
    pairs = [f"{a} {b} {int(a // 2 == b // 2)}" for a in range(6) for b in range(a)]
    (tmp_path / "t/x_face_tid_mid.txt").write_text("\n".join(faces))
    (tmp_path / "t/x_template_pair_label.txt").write_text("\n".join(pairs))
    document = call(folder, tmp_path / "t", tmp_path / "out", name="t")
    about = document["data"][0]
    assert (about["videos"], about["sources"], about["genuine_pairs"], about["impostor_pairs"]) == (6, 3, 3, 12)
    assert row(document, "t", "average")["clips"] == 4


def test_results_of_another_evaluation_are_not_replaced(folder: Path, tmp_path: Path) -> None:
    def run(out: Path = tmp_path / "out", **options: Any) -> None:
        how = {"base": f"{folder / 'base.py'}:counted", "model": folder / "model.safetensors", "device": "cpu"}
        how |= {"set_size": [4], "seeds": [0], "far": [0.1], "draws": 50, "k": [1]}
        FaceEvaluation(folder / "people", **how | options).run(out)

    run()
    run()
    run(k=[1, 2])
    kept = (tmp_path / "out/results.json").read_bytes()
    other: tuple[tuple[str, dict[str, Any]], ...] = (
        ("seeds", {"seeds": [1]}), ("base", {"base": f"{folder / 'base.py'}:base"}),
    )  # fmt: skip
    for what, options in other:
        with pytest.raises(ArgumentError, match=rf"out holds .*results.json .*{what} differ.*another folder"):
            run(**options)
    assert (tmp_path / "out/results.json").read_bytes() == kept
    (tmp_path / "out/results.json").write_text("[1, 2]")
    with pytest.raises(ArgumentError, match=r"out holds .*results.json, which is not a results file"):
        run()
    for inside in ("", "p00/out"):
        with pytest.raises(ArgumentError, match="out must lie outside the data"):
            run(folder / "people" / inside)
    assert not (folder / "people/p00/out").exists()


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"k": [0]}, "k must be at least 1"),
        ({"k": []}, "k needs at least one"),
        ({"seeds": [1, 1]}, "seeds names 1 twice"),
        ({"far": [0]}, r"far must lie in \(0, 1\]"),
        ({"blur": [1]}, r"blur must lie in \[3, 101\]"),
        ({"blur": [7, 11, 7.0]}, "blur names 7 twice"),
        ({"domains": ["p", "p"]}, "domains names p twice"),
        ({"threshold": 1.01}, r"threshold must lie in \[0, 1\]"),
        ({"draws": 3}, "draws must be at least 20"),
        ({"domains": ["q"]}, "domains q: no identity begins so; the first one is p00"),
        ({"pairs": Path(__file__)}, "pairs names sets, and"),
    ],
)
def test_arguments_that_make_no_sense(folder: Path, tmp_path: Path, more: dict[str, Any], says: str) -> None:
    with pytest.raises(ArgumentError, match=says):
        call(folder, folder / "people", tmp_path, **{"set_size": [4], "seeds": [0]} | more)


def test_data_that_cannot_be_used(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ClipselectError, match="only 0 identities have images for two sets of 5"):
        call(folder, folder / "people", tmp_path, set_size=[5])
    with pytest.raises(ClipselectError, match="no such folder"):
        call(folder, tmp_path / "none", tmp_path)


def test_a_list_that_is_missing_or_no_text_is_named(folder: Path, tmp_path: Path) -> None:
    for option in ("set_list", "pairs"):
        with pytest.raises(ClipselectError, match="nope: no such file"):
            call(folder, folder / "people", tmp_path / "out", set_size=[2], **{option: tmp_path / "nope"})
    (tmp_path / "film.mp4").write_bytes(b"\0\0\0 ftypisom\xff\n" * 9)
    with pytest.raises(ClipselectError, match=r"film.mp4: not a text file; give"):
        call(folder, folder / "people", tmp_path / "out", set_list=tmp_path / "film.mp4")


def test_options_of_other_data_are_refused(folder: Path, tmp_path: Path) -> None:
    write(tmp_path / "y/a/0/0.png", textured(0, 0))
    (tmp_path / "c").mkdir()
    (tmp_path / "c/x_face_tid_mid.txt").write_text("1.png 1 1")
    (tmp_path / "p.txt").touch()
    for data in ("y", "c"):
        with pytest.raises(ClipselectError, match=r"set_size is for drawn sets, and .*; leave it out"):
            call(folder, tmp_path / data, tmp_path / "out", set_size=[5])
    with pytest.raises(ClipselectError, match=r"pairs is for sets in folders, and .* has the pairs of IJB; leave"):
        call(folder, tmp_path / "c", tmp_path / "out", pairs=tmp_path / "p.txt")
