"""What a report holds, and the notes on what keeps figures from being compared."""

from helpers.report_files import document, only, report_of, row


def test_a_section_per_data_set_holds_the_findings_of_all_runs() -> None:
    report = report_of(document("slow"), document("fast"))
    assert report.title == "kinetics" and [s.title for s in report.sections] == ["kinetics: val", "kinetics: hard"]
    assert [p.name for p in report.sections[0].passages] == ["slow", "fast"]
    assert [p.name for p in report_of(document()).sections[0].passages] == [""]


def test_runs_that_measured_different_things_are_noted() -> None:
    other = document("other")
    other["data"][0]["videos"] = 50
    other["environment"]["cpu"] = "another cpu"
    val, hard = report_of(document(), other).sections
    assert any("narrow_slow 98, other 50" in note for note in val.notes)
    assert any("different machines" in note for note in val.notes)
    assert hard.notes == []


def test_files_that_were_left_out_are_noted() -> None:
    data = [{"name": "val", "videos": 98, "missing": 3, "unreadable": [{"path": "a.jpg", "error": "not an image"}]}]
    (note,) = report_of(only(row("ddl", 5, 80), data=data, files="images")).sections[0].notes
    assert "images" in note and "1 could not be read" in note and "3 are listed but not there" in note


def test_videos_of_the_other_split_are_noted_where_the_data_names_none() -> None:
    data = [{"name": "val", "videos": 20, "other_split": 80}]
    (note,) = report_of(only(row("ddl", 5, 80), data=data)).sections[0].notes
    assert "no val split" in note and "80 videos were not" in note


def test_a_ddnet_of_another_base_is_noted() -> None:
    model = {"name": "ddnet", "base": "fast", "base_sha256": "12"}
    for sha256, notes in (("34", 1), ("12", 0)):
        content = only(row("ddl", 5, 80), base={"name": "slow", "sha256": sha256}, model=model)
        found = report_of(content).sections[0].notes
        assert len(found) == notes and all("distilled for the base fast, not for " in note for note in found)
