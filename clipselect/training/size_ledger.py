"""How many bytes the files of a folder take, for several processes that write them and must keep a limit together."""

from contextlib import suppress
from pathlib import Path


class SizeLedger:
    """Sizes of files by name, in a text file that processes only append to: `NAME BYTES` a line, the last one counts.

    A process writes a line before it writes the file. If it is killed in between, the line stands for a file that is
    not there; whoever writes that file next does not count it again. Every process reads only what was appended since
    it last looked, so nobody lists the folder, however many files are in it.

    Two processes that ask at the same moment may together exceed the limit by one file each.
    """

    def __init__(self, file: Path) -> None:
        self.file, self.offset = file, 0
        self.sizes: dict[str, int] = {}
        self.total = 0

    def reserve(self, name: str, size: int, limit: int) -> bool:
        """Whether all files fit into `limit` bytes with one of that name and size; it is then counted.

        Raises:
            OSError: the ledger cannot be written.
        """
        self._read_appended()
        total = self.total - self.sizes.get(name, 0) + size
        if total > limit:
            return False
        if self.sizes.get(name) != size:
            with self.file.open("ab") as ledger:
                ledger.write(f"{name} {size}\n".encode())
        return True

    def _read_appended(self) -> None:
        with suppress(FileNotFoundError), self.file.open("rb") as ledger:
            ledger.seek(self.offset)
            for line in ledger:
                if not line.endswith(b"\n"):  # another process is still at it
                    break
                self.offset += len(line)
                name, _, size = line.decode("ascii", "replace").strip().rpartition(" ")
                if size.isdecimal():
                    self.total += int(size) - self.sizes.get(name, 0)
                    self.sizes[name] = int(size)
