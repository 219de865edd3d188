"""The tables of weights are those of the files in the zoo."""

import make_zoo
import pytest

from clipselect.scoring.shipped import BASES, DDNETS


@pytest.mark.parametrize("page", make_zoo.PAGES, ids=lambda page: page.name)
def test_the_tables_are_what_the_generator_makes_of_the_weights(page: make_zoo.Path) -> None:
    text = page.read_text("utf-8")
    assert make_zoo.filled(text) == text, "run python docs/make_zoo.py"
    for name in {**DDNETS, **BASES}:
        assert f"`{name}`" in text
    forged = text.replace("`ddnet2d-faces`", "`other`")
    assert forged != text == make_zoo.filled(forged)


def test_a_card_that_does_not_name_its_data_is_refused(
    tmp_path: make_zoo.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "net.md").write_text("# net\n\nNothing about data.\n")
    monkeypatch.setattr(make_zoo, "ZOO", tmp_path)
    with pytest.raises(SystemExit, match=r"net\.safetensors.*Data:"):
        make_zoo.data_paragraph("net.safetensors")
