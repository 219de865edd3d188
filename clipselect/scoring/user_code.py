"""FILE.py:NAME: what a file of the user's own code holds."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from clipselect.errors import ClipselectError

T = TypeVar("T")


def split_code(text: str | Path) -> tuple[Path, str] | None:
    """The file and the name of FILE.py:NAME; None for any other text.

    >>> split_code("quality.py:sharp")
    (PosixPath('quality.py'), 'sharp')
    """
    file, _, name = str(text).rpartition(":")
    return (Path(file), name) if file.endswith(".py") and name else None


def run_code(path: Path, name: str, make: Callable[[Any], T], wanted: str) -> T:
    """What is called `name` in a file, which is run, given to `make`.

    Args:
        wanted: what NAME should be, in words.

    Raises:
        ClipselectError: no such file or name, or the code fails.
    """
    spec = importlib.util.spec_from_file_location(f"clipselect_user_{path.stem}", path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise ClipselectError(f"{path}: no such file; give FILE.py:NAME with {wanted}")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.resolve().parent))  # for what it imports from beside it
    sys.modules[spec.name] = module  # while it runs, for dataclasses, which look up their module
    try:
        spec.loader.exec_module(module)
        return make(getattr(module, name))
    except ClipselectError:
        raise
    except Exception as e:  # whatever the user's code runs into
        raise ClipselectError(f"{path}: {name} cannot be loaded ({type(e).__name__}: {e}); fix the code") from e
    finally:
        sys.modules.pop(spec.name, None)
        sys.path.remove(str(path.resolve().parent))
