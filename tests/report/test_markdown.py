"""A report as Markdown."""

from helpers.report_files import document, only, report_of, row

from clipselect.report.markdown import as_markdown


def test_the_chosen_k_is_bold_and_all_parts_are_there() -> None:
    text = as_markdown(report_of(document("slow"), document("fast")))
    assert "| **ddl** | **5** | **slow** |" in text and "| **ddl** | **5** | **fast** |" in text
    assert "| **7 (2 + 5)** | **0.55 (0.3 + 0.05 + 0.2)** |" in text and "torn.mp4" in text
    for title in ("## kinetics: val", "### Differences in top-1", "### Ranking", "## How to read this", "### Methods"):
        assert f"\n{title}\n" in text


def test_odd_names_stay_in_their_cells() -> None:
    text = as_markdown(report_of(only(row("a|b\n<script>`", 5, 80), row("ddl", 5, 80))))
    assert "| a\\|b?&lt;script&gt;\\` | 5 |" in text and "<script>" not in text


def test_entries_of_a_list_stand_together_and_paragraphs_apart() -> None:
    lines = as_markdown(report_of(document())).splitlines()
    entries = [i for i, line in enumerate(lines) if line.startswith("- Which K")]
    assert lines[entries[0] + 1].startswith("- ") and lines[entries[0] - 1] == ""
