"""Which output of a base is which class of the data."""

from dataclasses import replace
from pathlib import Path

import pytest

from clipselect.errors import ArgumentError, ClipselectError, ClipselectWarning
from clipselect.evaluation.clip_tables import Networks
from clipselect.evaluation.labelled_videos import labelled_videos
from clipselect.evaluation.synthetic import SyntheticData


def test_a_base_without_names_takes_those_of_the_data(made: SyntheticData, networks: Networks, tmp_path: Path) -> None:
    nameless = replace(networks.base, classes=("0", "1"))
    with pytest.warns(ClipselectWarning, match="no names"):
        dataset, base, named_by = labelled_videos(made.data, nameless)
    assert base.classes == dataset.classes == ("blinking", "moving") and "assumed" in named_by
    with pytest.raises(ArgumentError, match=r"classes must .*the 3 outputs.* has 2 classes"):
        labelled_videos(made.data, replace(networks.base, classes=("0", "1", "2")))


def test_a_file_names_the_outputs_in_its_order(made: SyntheticData, networks: Networks, tmp_path: Path) -> None:
    nameless, names = replace(networks.base, classes=("0", "1")), tmp_path / "names.txt"
    names.write_text("\ufeffmoving\n\nblinking\n", encoding="utf-8")
    dataset, base, named_by = labelled_videos(made.data, nameless, classes=names)
    assert base.classes == dataset.classes == ("moving", "blinking") and named_by.endswith("names.txt")
    names.write_text("moving\nblinking\nresting\n")
    with pytest.raises(ClipselectError, match=r"names.txt: names 3 classes, and the base has 2 outputs"):
        labelled_videos(made.data, nameless, classes=names)


def test_a_base_that_knows_its_classes_keeps_them(made: SyntheticData, networks: Networks) -> None:
    dataset, base, named_by = labelled_videos(made.data, networks.base)
    assert base is networks.base and dataset.classes == base.classes and named_by == "named by the base"
