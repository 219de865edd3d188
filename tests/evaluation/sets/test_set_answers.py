"""Networks of sets in the table of methods: the answers, their costs, and what is read again."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from clipselect.zoo.embedder import Embedder
from helpers.command_line import Run
from helpers.face_evaluation import evaluated_faces, made_people, rows
from helpers.frame_fixtures import people, textured, tiny_ddnet
from helpers.set_networks import tiny_base, tiny_base_file, write_aggregator, write_fan, write_lfenet

from clipselect import load_embedder, load_set_network
from clipselect.errors import ArgumentError
from clipselect.evaluation.methods import METHODS
from clipselect.evaluation.sets import set_answers
from clipselect.evaluation.sets.frame_table import FrameChange, FrameTable
from clipselect.evaluation.sets.rows import MethodAtK
from clipselect.evaluation.sets.set_answers import FrameFeatures, feature_answers, network_answers, set_networks
from clipselect.media.images import Image, read_image
from clipselect.sets.set_network import AGGREGATORS

pytestmark = [pytest.mark.usefixtures("one_thread"), pytest.mark.filterwarnings("ignore::UserWarning")]


@pytest.fixture(scope="module")
def base() -> Embedder:
    return tiny_base()


@pytest.fixture
def call(tmp_path: Path, base: Embedder) -> Any:
    folder = made_people(tmp_path)
    return lambda *networks, **options: evaluated_faces(folder, base=base, set_network=networks, **options)


def test_an_untrained_network_is_the_average_and_its_choice_ddl_average(
    call: Any, base: Embedder, tmp_path: Path
) -> None:
    document = call(write_lfenet(tmp_path / "lfenet.safetensors", base, factor=0), blur=[9])
    for mine, baseline in (("lfenet", "average"), ("ddl_lfenet", "ddl_average")):
        assert len(rows(document, mine)) == len(rows(document, baseline)) > 1
        for one, other in zip(rows(document, mine), rows(document, baseline), strict=True):
            keys = ("data", "k", "clips", "tar_at_far_1e-1", "rank1")
            assert {key: one[key] for key in keys} == {key: other[key] for key in keys}
            assert one["gflops"] > other["gflops"] and one["seconds"] > 0
    than = {(d["than"], d["than_k"]) for d in document["differences"] if (d["method"], d["k"]) == ("ddl_lfenet", 2)}
    assert than == {("average", None), ("ddl", 2), ("lfenet", None)}
    assert document["settings"]["set_network"][0]["name"] == "lfenet"


def test_answers_are_kept_until_the_network_is_another(
    call: Any, base: Embedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = load_set_network(write_lfenet(tmp_path / "lfenet.safetensors", base), base)
    first = call(network)
    cost = network.multiply_adds
    assert cost is not None and rows(first, "lfenet")[0]["gflops"] == pytest.approx(cost(4) / 1e9)
    before = sorted((tmp_path / "out" / "cache").iterdir())
    monkeypatch.setattr(type(network), "frame_features", lambda *_: pytest.fail("computed again"))
    assert call(network)["rows"] == first["rows"]
    assert sorted((tmp_path / "out" / "cache").iterdir()) == before
    monkeypatch.undo()
    call(load_set_network(write_lfenet(tmp_path / "other.safetensors", base, factor=3), base))
    assert len([*(tmp_path / "out" / "cache").iterdir()]) > len(before)


def test_every_method_has_the_networks_answer_to_what_it_keeps(base: Embedder, tmp_path: Path) -> None:
    people(tmp_path / "people", 1, 5, draw=textured)
    paths = sorted(map(str, (tmp_path / "people").rglob("*.*")))
    network = load_set_network(write_lfenet(tmp_path / "lfenet.safetensors", base), base)
    scores = np.array([0.1, 0.9, 0.3, 0.8], dtype=np.float32)
    table = FrameTable(np.array([0, 1, 3, 4]), np.ones((4, 5), np.float32), scores, 0, 0)  # one cannot be read
    change = FrameChange(lambda image, place: np.roll(image, place, axis=1), "rolled")
    methods: list[MethodAtK] = [(METHODS["lfenet"], None), (METHODS["ddl_lfenet"], 2), (METHODS["average"], None)]
    how: dict[str, Any] = {"threshold": 0.5, "seed": 0, "cache": tmp_path}
    found = network_answers({"lfenet": network}, methods, paths, table, [np.arange(4)], change, **how)
    images = [np.roll(read_image(paths[place]), place, axis=1) for place in (0, 1, 3, 4)]
    assert [*found] == methods[:2]
    for one, kept in zip(methods, ([0, 1, 2, 3], [1, 3]), strict=False):
        assert found[one].counts.tolist() == [len(kept)]
        np.testing.assert_allclose(found[one].features[0], network.embed([images[i] for i in kept]), atol=1e-6)


def test_features_of_a_set_do_not_depend_on_the_order_of_its_frames(base: Embedder, tmp_path: Path) -> None:
    people(tmp_path / "people", 1, 6, draw=textured)
    network = load_set_network(write_lfenet(tmp_path / "lfenet.safetensors", base), base)
    images = [read_image(str(path)) for path in sorted((tmp_path / "people").rglob("*.*"))]
    np.testing.assert_allclose(network.embed(images), network.embed(images[::-1]), atol=1e-5)


def test_a_frame_of_several_sets_is_seen_once_while_there_is_room(
    base: Embedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, seen = load_set_network(write_lfenet(tmp_path / "lfenet.safetensors", base), base), list[int]()

    def image_of(row: int) -> Image:
        seen.append(row)
        return np.full((20, 20, 3), 40 * row, np.uint8)

    sets = [[0, 1, 2], [2, 1, 1], [3, 0, 2]]
    for room, expected in ((4, [0, 1, 2, 3]), (2, [0, 1, 2, 3, 0]), (0, [0, 1, 2, 2, 1, 3, 0, 2])):
        seen.clear()
        features_of, one = FrameFeatures(network, image_of), network.frame_features([image_of(0)])[0]
        monkeypatch.setattr(set_answers, "MAX_BYTES_KEPT", room * one.nbytes)
        seen.clear()
        for one_set in sets:
            whole = network.frame_features([image_of(row) for row in one_set])
            del seen[-len(one_set) :]
            assert torch.allclose(features_of(one_set), whole, atol=1e-5)
        assert seen == expected
        assert all(kept.untyped_storage().nbytes() == one.nbytes for kept in features_of.kept.values())


def test_without_networks_the_table_has_no_such_rows(call: Any) -> None:
    document = call()
    assert not rows(document, "lfenet") and not rows(document, "ddl_lfenet")
    assert "set_network" not in document["settings"]


def test_two_of_a_kind_and_another_base_are_refused(call: Any, base: Embedder, tmp_path: Path) -> None:
    path = write_lfenet(tmp_path / "lfenet.safetensors", base)
    with pytest.raises(ArgumentError, match="set_network may hold one lfenet at a time"):
        call(path, path)
    with pytest.raises(ArgumentError, match=r"base must be tiny, for which .* was trained"):
        call(write_lfenet(tmp_path / "other.safetensors", tiny_base(seed=3)))


def test_the_command_line_takes_networks_of_sets(run: Run, tmp_path: Path) -> None:
    people(tmp_path / "people", 3, 8, draw=textured)
    tiny_ddnet(tmp_path / "m.safetensors")
    own, how = tiny_base_file(tmp_path), ("--far", 0.5, "--draws", 20, "--k", 1)
    path = write_lfenet(tmp_path / "lfenet.safetensors", load_embedder(own))
    networks = ("--base", own, "--model", tmp_path / "m.safetensors", "--set-network", path)
    run("evaluate", "faces", "--data", tmp_path / "people", *networks, "--set-size", 4, *how, "--out", tmp_path / "out")
    assert run.code == 0, run.err
    assert "ddl_lfenet" in (tmp_path / "out" / "results.json").read_text()
    assert "lfenet" in run.out


def test_a_fan_stands_in_the_table_alone_and_after_ddl(call: Any, base: Embedder, tmp_path: Path) -> None:
    document = call(write_fan(tmp_path / "fan.safetensors", base), write_lfenet(tmp_path / "lfenet.safetensors", base))
    network = load_set_network(tmp_path / "fan.safetensors", base)
    cost = network.multiply_adds
    assert cost is not None
    (alone,), chosen = rows(document, "fan"), rows(document, "ddl_fan")
    assert alone["gflops"] == pytest.approx(cost(4) / 1e9) and [row["k"] for row in chosen] == [2, 9]
    (enhanced,) = rows(document, "lfenet")
    assert enhanced["clips"] == 4 and alone["clips"] == 2  # sets of 4, and an image of every 3 frames
    assert alone["seconds_decode"] == enhanced["seconds_decode"]  # all are read
    than = {(d["than"], d["than_k"]) for d in document["differences"] if (d["method"], d["k"]) == ("ddl_fan", 2)}
    assert than == {("average", None), ("ddl", 2), ("fan", None)}


def test_a_set_may_be_split_otherwise_than_in_training(call: Any, base: Embedder, tmp_path: Path) -> None:
    weights = write_fan(tmp_path / "fan.safetensors", base)
    document = call(weights, max_segment=4)
    (alone,) = rows(document, "fan")
    assert alone["clips"] == 1 and document["settings"]["max_segment"] == 4  # one image of all 4 frames
    with pytest.raises(ArgumentError, match="max_segment is for files"):
        call(load_set_network(weights, base), max_segment=4)
    with pytest.raises(ArgumentError, match="max_segment is for LFENet and FAN"):
        call(write_aggregator(tmp_path / "nan.safetensors", base, "nan"), max_segment=4)
    with pytest.raises(ArgumentError, match="max_segment is for LFENet and FAN"):
        call(max_segment=4)


@pytest.mark.parametrize("each", [1, 2])
def test_a_fan_of_every_n_frames_in_turn_is_averaged(each: int, base: Embedder, tmp_path: Path) -> None:
    """The protocol N * n_avg of the paper."""
    people(tmp_path / "people", 1, 4, draw=textured)
    paths = sorted(map(str, (tmp_path / "people").rglob("*.*")))
    network = load_set_network(write_fan(tmp_path / "fan.safetensors", base, max_segment=each), base)
    table = FrameTable(np.arange(4), np.ones((4, 5), np.float32), np.full(4, 0.5, np.float32), 0, 0)
    how: dict[str, Any] = {"threshold": 0.5, "seed": 0, "cache": tmp_path}
    found = network_answers({"fan": network}, [(METHODS["fan"], None)], paths, table, [np.arange(4)], None, **how)
    images = [read_image(path) for path in paths]
    parts = [network.embed(images[i : i + each]) for i in range(0, 4, each)]
    answers = found[METHODS["fan"], None]
    np.testing.assert_allclose(answers.features[0], np.mean(parts, axis=0), atol=1e-6)
    assert answers.embedded.tolist() == [4 // each] and answers.counts.tolist() == [4] and not answers.embeds_frames


@pytest.mark.parametrize("network", AGGREGATORS)
def test_networks_on_features_take_those_that_are_known(
    network: str, call: Any, base: Embedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = load_set_network(write_aggregator(tmp_path / "w.safetensors", base, network, spread=2.0), base)
    monkeypatch.setattr(type(loaded), "frame_features", lambda *_: pytest.fail("an image was embedded again"))
    document = call(loaded, flips=True, dropout=True)
    (found,), (average,) = rows(document, network), rows(document, "average")
    assert found["clips"] == 4 and found["gflops"] > average["gflops"] and found["tar_at_far_1e-1"] >= 0
    for method, option in (("flip_agreement", "flips"), ("dropout_agreement", "dropout")):
        assert len(rows(document, method)) == 2 and document["settings"][option] is True
    monkeypatch.undo()
    people(tmp_path / "one", 1, 5, draw=textured)
    images = [read_image(str(path)) for path in sorted((tmp_path / "one").rglob("*.*"))]
    features = base.embed(images)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    table = FrameTable(np.arange(5), features, np.zeros(5, np.float32), 0, 0)
    at: MethodAtK = (METHODS[network], None)
    answers = feature_answers({network: loaded}, [at], table, [np.array([0, 2, 3])])[at]
    np.testing.assert_allclose(answers.features[0], loaded.embed([images[i] for i in (0, 2, 3)]), atol=1e-5)
    assert answers.counts.tolist() == [3]


def test_a_loaded_network_for_another_base_is_refused(base: Embedder, tmp_path: Path) -> None:
    network = load_set_network(write_aggregator(tmp_path / "mine.safetensors", base, "nan"), base)
    assert set_networks(network, base) == {"nan": network}
    with pytest.raises(ArgumentError, match=r"^base must be tiny, for which mine was trained"):
        set_networks(network, tiny_base(seed=1))
