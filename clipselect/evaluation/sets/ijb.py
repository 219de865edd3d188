"""Templates of IJB-A, IJB-B and IJB-C, read from their protocol files as published."""

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clipselect.errors import ClipselectError, ImageError
from clipselect.evaluation.sets.face_sets import FaceSets, Pairs, refuse_line, text_lines
from clipselect.media.images import Image
from clipselect.media.optional import require

IJBA_COLUMNS = ("TEMPLATE_ID", "SUBJECT_ID", "FILE", "MEDIA_ID", "FACE_X", "FACE_Y", "FACE_WIDTH", "FACE_HEIGHT")


def ijbc(folder: Path) -> FaceSets:
    """IJB-C's (and IJB-B's) one-to-one protocol in the form that InsightFace gave it.

    FOLDER/loose_crop/N.jpg; in FOLDER/meta or FOLDER `*_face_tid_mid.txt` (file, template, medium on every line),
    `*_template_pair_label.txt` (template, template, 1 or 0) and, if the crops are to be aligned,
    `*_name_5pts_score.txt` (file, x and y of five points, score). The protocol does not name identities:
    templates that any pair calls the same are one identity.

    Raises:
        ClipselectError: a missing file, lines of another form, or a template without a face.
    """
    require("scipy", "evaluation")
    from scipy.sparse import csr_array  # slow to import
    from scipy.sparse.csgraph import connected_components

    faces, labels = (_one_file(folder, f"*_{name}.txt") for name in ("face_tid_mid", "template_pair_label"))
    paths, media = list[str](), list[int]()
    elements = dict[str, list[int]]()
    for number, line in text_lines(faces):
        cells = line.split()
        if len(cells) != 3 or not cells[2].lstrip("-").isdecimal():
            refuse_line(faces, number, "needs a file, a template and a medium")
        elements.setdefault(cells[1], []).append(len(paths))
        paths.append(str(folder / "loose_crop" / cells[0]))
        media.append(int(cells[2]))
    places = {template: place for place, template in enumerate(elements)}
    compared, same = list[int](), list[bool]()
    for number, line in text_lines(labels):
        cells = line.split()
        if len(cells) != 3 or cells[2] not in ("0", "1"):
            refuse_line(labels, number, "needs two templates and 1 or 0")
        compared += _places_of(cells[:2], places, labels, number, faces)
        same.append(cells[2] == "1")
    first, second = np.array(compared, np.int64).reshape(-1, 2).T
    pairs = Pairs(first, second, np.array(same, bool))
    links = csr_array((np.ones(sum(same)), (first[pairs.same], second[pairs.same])), shape=(len(places), len(places)))
    identities = [str(i) for i in connected_components(links, directed=False)[1].tolist()]
    sets = FaceSets(paths, [*elements.values()], identities, [pairs], np.array(media))
    points = [*folder.glob("*_name_5pts_score.txt"), *folder.glob("meta/*_name_5pts_score.txt")]
    return sets if not points else _aligned(sets, points[0])


def ijba(folder: Path) -> FaceSets:
    """IJB-A's one-to-one protocol: every `verify_metadata_N.csv` with its `verify_comparisons_N.csv` below FOLDER.

    A split is a round. Files are named relative to FOLDER/images or FOLDER; faces are cropped by their boxes.

    Raises:
        ClipselectError: no such files, a missing one, missing columns, or an unknown template.
    """
    found = sorted(
        folder.rglob("verify_metadata_*.csv"), key=lambda path: int("".join(re.findall(r"\d+", path.stem)) or 0)
    )
    if not found:
        raise ClipselectError(f"{folder}: holds no verify_metadata_N.csv; give the folder of IJB-A")
    paths, media, boxes, identities = list[str](), list[int](), list[list[float]](), list[str]()
    groups, rounds = list[list[int]](), list[Pairs]()
    images = folder / "images" if (folder / "images").is_dir() else folder
    numbers = dict[str, int]()
    for metadata in found:
        places = dict[str, int]()
        for number, row in _rows(metadata):
            template, subject, file, medium = (row[column] for column in IJBA_COLUMNS[:4])
            try:
                boxes.append([float(row[column]) for column in IJBA_COLUMNS[4:]])
            except ValueError:
                refuse_line(metadata, number, "has a box that is no number")
            if not np.isfinite(boxes[-1]).all():
                refuse_line(metadata, number, "has a box that is not finite")
            if min(boxes[-1][2:]) < 1:
                refuse_line(metadata, number, "has an empty box")
            if template not in places:
                places[template] = len(groups)
                groups.append([])
                identities.append(subject)
            groups[places[template]].append(len(paths))
            paths.append(str(images / file))
            media.append(numbers.setdefault(medium, len(numbers)))
        rounds.append(_read_comparisons(metadata, places, identities))
    crop = partial(_boxed, np.array(boxes))
    return FaceSets(paths, groups, identities, rounds, np.array(media), crop, f"boxes {boxes}")


def _read_comparisons(metadata: Path, places: dict[str, int], identities: Sequence[str]) -> Pairs:
    file = metadata.with_name(metadata.name.replace("metadata", "comparisons"))
    compared = list[int]()
    for number, line in text_lines(file):
        cells = [cell.strip() for cell in line.split(",")]
        if len(cells) != 2:
            refuse_line(file, number, "needs two templates, separated by a comma")
        compared += _places_of(cells, places, file, number, metadata)
    first, second = np.array(compared, np.int64).reshape(-1, 2).T
    names = np.array(identities)
    return Pairs(first, second, names[first] == names[second])


def _places_of(
    templates: Sequence[str], places: Mapping[str, int], file: Path, number: int, listed_in: Path
) -> list[int]:
    """The places of two templates that a line of a file compares."""
    for name in templates:
        if name not in places:
            refuse_line(
                file, number, f"names template {name}, which has no face in {listed_in.name}; see that both fit"
            )
    return [places[name] for name in templates]


def _rows(file: Path) -> Iterable[tuple[int, dict[str, str]]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            missing = [column for column in IJBA_COLUMNS if column not in (reader.fieldnames or ())]
            if missing:
                raise ClipselectError(
                    f"{file}: the column {missing[0]} is missing; take the protocol file as published"
                )
            for row in reader:
                if None in row.values():
                    refuse_line(file, reader.line_num, "has too few fields")
                yield reader.line_num, row
    except OSError as e:
        raise ClipselectError(f"{file}: cannot be read ({e.strerror}); check its permissions") from e


def _boxed(boxes: NDArray[np.float64], image: Image, element: int) -> Image:
    """The part of an image that lies in the element's box."""
    x, y, width, height = boxes[element].round().astype(int)
    part = image[max(y, 0) : max(y + height, 0), max(x, 0) : max(x + width, 0)]
    if not part.size:
        raise ImageError(
            f"the box {boxes[element].tolist()} of element {element} lies beside its image; correct the box"
        )
    return part


def _aligned(sets: FaceSets, file: Path) -> FaceSets:
    """The same with every crop aligned by its five points."""
    points = dict[str, NDArray[np.float64]]()
    for number, line in text_lines(file):
        cells = line.split()
        try:
            points[cells[0]] = np.array(cells[1:11], dtype=np.float64).reshape(5, 2)
        except ValueError:
            refuse_line(file, number, "needs a file and x and y of five points")
        if not np.isfinite(points[cells[0]]).all():
            refuse_line(file, number, "has points that are not finite")
    missing = next((path for path in sets.paths if Path(path).name not in points), None)
    if missing is not None:
        raise ClipselectError(f"{file}: has no points of {Path(missing).name}; remove the file to go without alignment")
    stacked = np.stack([points[Path(path).name] for path in sets.paths])
    return replace(sets, crop=partial(_upright, stacked), crop_identity=f"points {stacked.tolist()}")


def _upright(points: NDArray[np.float64], image: Image, element: int) -> Image:
    from clipselect.faces.alignment import TEMPLATE, similarity_transform, warp  # OpenCV is slow to import

    try:
        return warp(image, similarity_transform(points[element], TEMPLATE), 112)
    except ValueError as e:
        raise ImageError(f"the points of element {element} give no alignment ({e}); correct them") from e


def _one_file(folder: Path, pattern: str) -> Path:
    found = [*folder.glob(pattern), *folder.glob(f"meta/{pattern}")]
    if len(found) != 1:
        raise ClipselectError(f"{folder}: needs one file {pattern}, there or in meta, got {len(found)}")
    return found[0]
