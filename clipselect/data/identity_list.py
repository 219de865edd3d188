"""Which identities an evaluation is of: a list of names, or the tracks of MARS's protocol or of X-MARS's."""

from pathlib import Path

import numpy as np

from clipselect.errors import ClipselectError
from clipselect.media.optional import require

IDENTITY = 2
"""Column of a track's identity in MARS's files, after its first and last image and before its camera."""


def read_identity_list(path: Path) -> frozenset[str]:
    """Names of identities, numbers without leading zeros.

    Args:
        path: a text file with a name on every line; or a .mat file that holds MARS's `track_test_info` [n, 4] alone, as
            those of X-MARS (github.com/andreas-eberle/x-mars) do.

    Raises:
        MissingLibraryError: scipy is missing, for .mat.
        ClipselectError: the file cannot be read, or names nobody.
    """
    if path.suffix == ".mat":
        require("scipy", "reading .mat files")
        from scipy.io import loadmat  # slow to import

        try:
            (tracks,) = (np.asarray(a) for name, a in loadmat(path).items() if not name.startswith("__"))
            names = {str(int(number)) for number in tracks[:, IDENTITY]}
        except OSError as e:
            raise ClipselectError(f"{path}: cannot be read ({e.strerror or e}); check the path") from e
        except Exception as e:  # whatever its bytes lead the reader to
            problem = "holds no tracks [n, 4] as MARS's tracks_test_info.mat does"
            raise ClipselectError(f"{path}: {problem}; give that file, or a text with a name on every line") from e
        return frozenset(names)
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, ValueError) as e:
        why = getattr(e, "strerror", None) or "no UTF-8"
        raise ClipselectError(
            f"{path}: cannot be read ({why}); give a text with a name of an identity on every line"
        ) from e
    if not (found := frozenset(plain_number(line.strip()) for line in lines if line.strip())):
        raise ClipselectError(f"{path}: names nobody; give a name of an identity on every line")
    return found


def plain_number(identity: str | int) -> str:
    """An identity without leading zeros, by which its name differs between layouts.

    >>> plain_number("0012"), plain_number("ann")
    ('12', 'ann')
    """
    text = str(identity)
    return str(int(text)) if text.isdecimal() else text
