"""`clipselect export`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from clipselect.commands.common import stderr
from clipselect.commands.options import Model
from clipselect.media.text import printable


def export(
    *,
    onnx: Annotated[Path, typer.Option(metavar="FILE.onnx", help="The file to write.")],
    model: Model = None,
) -> None:
    """Write a DDNet as ONNX, for programs without torch: uint8 RGB pixels in, scores out.

    The file describes its input in its metadata, and appears only if onnxruntime gives the same scores as torch. Exit
    code 0: written. 2: not written.
    """
    from clipselect.scoring.onnx_export import OPSET, export_onnx

    about = export_onnx(onnx, model)
    sides = [about[key] for key in ("frames", "height", "width") if key in about]
    elements = f"{about['input']} [n, {', '.join(sides)}, 3] uint8"
    stderr().print(Text(f"written: {printable(onnx)} ({about['name']}, ONNX opset {OPSET}: {elements} -> scores [n])"))
