"""What pages say of the weights is what the files in the zoo say."""

import make_zoo
import pytest
from marked_blocks import PAGES, ROOT, blocks, filled

from clipselect.evaluation.results import read_results
from clipselect.scoring.shipped import BASES, DDNETS, DEFAULT_BASE, DEFAULT_DDNET, weights_path
from clipselect.scoring.weights_file import load_weights

FILLED = [page for page in PAGES if not make_zoo.BLOCKS.keys().isdisjoint(blocks(page.read_text("utf-8")))]


@pytest.mark.parametrize("page", FILLED, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_is_what_the_script_makes_of_the_weights(page: make_zoo.Path) -> None:
    text = page.read_text("utf-8")
    assert filled(text, make_zoo.BLOCKS) == text, "run python docs/make_zoo.py"


def test_the_tables_name_all_weights() -> None:
    for page in (make_zoo.ZOO / "README.md", ROOT / "docs" / "ship-weights.md"):
        text = page.read_text("utf-8")
        assert [name for name in {**DDNETS, **BASES} if f"`{name}`" not in text] == []
        forged = text.replace("`ddnet2d-faces`", "`other`")
        assert forged != text == filled(forged, make_zoo.BLOCKS)


def test_a_card_that_does_not_name_its_data_is_refused(
    tmp_path: make_zoo.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "net.md").write_text("# net\n\nNothing about data.\n")
    monkeypatch.setattr(make_zoo, "ZOO", tmp_path)
    with pytest.raises(SystemExit, match=r"net\.safetensors.*section 'Data'"):
        make_zoo.data_section("net.safetensors")


def test_results_of_the_shipped_weights_are_of_the_files_that_are_shipped() -> None:
    results = read_results(ROOT / "benchmarks" / "results" / "shipped.json")
    assert results.model is not None
    assert results.base.sha256 == load_weights(weights_path(DEFAULT_BASE, BASES), "base")[1]["sha256"]
    assert results.model.sha256 == load_weights(weights_path(DEFAULT_DDNET, DDNETS), "ddnet")[1]["sha256"]
