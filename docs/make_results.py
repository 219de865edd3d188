"""Makes benchmarks/README.md, which is the site's page of results, and its tables on other pages.

    python docs/make_results.py

The text of the page is docs/results.md.jinja; its tables and figures come from benchmarks/results/. A table appears
when its results file is there.
"""

import re
from functools import partial
from typing import Any

import choice_tables
import jinja2
import long_table
import million_table
import result_cells
import result_tables
import set_tables
import speed_tables
from marked_blocks import ROOT, fill_pages

from clipselect.media.files import write_whole

PAGE = ROOT / "benchmarks" / "README.md"
TEMPLATE = ROOT / "docs" / "results.md.jinja"
BLOCKS = {
    "results": result_tables.readme,
    "seeds_at_5": result_tables.seeds_at_5,
    "overlap": result_tables.overlap,
    "data_time_goals": speed_tables.data_time_goals,
    "bf16_apart": speed_tables.bf16_apart,
    "base_precisions": speed_tables.base_precisions,
    "speed_goals": speed_tables.goals,
    "speed_more_workers": speed_tables.more_workers,
    "speed_budgets": speed_tables.budgets,
    "speed_choosing": speed_tables.choosing,
    "speed_backends": speed_tables.backends,
    "speed_many_files": speed_tables.many_files,
    "speed_processor_time": speed_tables.processor_time,
    "spread": set_tables.spread,
    "lfenet_runs": partial(set_tables.runs, "lfenet", ks=(set_tables.K_OF_FACES,)),
    "lfenet_theta": partial(set_tables.runs, "lfenet", ks=(set_tables.K_OF_FACES,), file="lfenet_theta"),
    "fan_seeds": set_tables.fan_seeds,
    "fan_seeds_rank1": partial(set_tables.fan_seeds, "rank1"),
    "fan_seeds_tpir": partial(set_tables.fan_seeds, "tpir_at_fpir_1e-2"),
    "fan_gains": set_tables.fan_gains,
    "fan_images": set_tables.fan_images,
    "fan_losses": partial(set_tables.runs, "fan", ks=(1,), file="fan_losses"),
    "untrimmed_rarest": result_tables.untrimmed_rarest,
    "faces_seeds": set_tables.faces_seeds,
    "faces_seeds_strict": partial(set_tables.faces_seeds, set_tables.STRICT),
    "million_cores": lambda: str(result_cells.speed_cores("d")),
    "million_scoring": million_table.scoring,
    "million_answering": million_table.answering,
    "qualities": set_tables.qualities,
    "lfenet_seeds": set_tables.lfenet_seeds,
    "lfenet_gains": set_tables.lfenet_gains,
    "lfenet_seeds_strict": partial(set_tables.lfenet_seeds, set_tables.STRICT),
    "trained_baselines": set_tables.trained_baselines,
    "trained_baselines_strict": partial(set_tables.trained_baselines, set_tables.STRICT),
    "trained_baselines_of_persons": set_tables.trained_baselines_of_persons,
    "x_mars": set_tables.x_mars,
    "long_videos": long_table.long_videos,
    "long_whole": lambda: long_table.top1("whole"),
    "long_uniform": lambda: long_table.top1("uniform"),
    "choose_clips": choice_tables.choose_clips,
    "choose_trimmed": choice_tables.choose_trimmed,
    "choose_faces": choice_tables.choose_faces,
    "choose_persons": choice_tables.choose_persons,
}
"""What is made of the results on other pages."""


def results_page() -> str:
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    names: dict[str, Any] = {}
    for module in (result_cells, result_tables, set_tables, speed_tables):
        names |= vars(module)
    page = environment.from_string(TEMPLATE.read_text("utf-8")).render(names)
    return re.sub(r"\n{3,}", "\n\n", page).rstrip() + "\n"


if __name__ == "__main__":
    write_whole(PAGE, results_page())
    fill_pages(BLOCKS)
