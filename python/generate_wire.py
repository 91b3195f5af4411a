"""Writes `thalweg/_wire/` from the protocol files: python python/generate_wire.py

The stubs are checked in, so that an installation needs no compiler; a test compares them with the
protocol files. Only messages are generated: calls need no more than their paths.
"""

from __future__ import annotations

import sys
import tempfile
from importlib import resources
from pathlib import Path

PROTO = Path(__file__).resolve().parent.parent / "proto"
WIRE = Path(__file__).resolve().parent / "thalweg" / "_wire"
FILES = ("thalweg/v1/online.proto", "thalweg/v1/admin.proto")


def generate(proto: Path = PROTO) -> dict[str, str]:
    """The stubs as file name → text."""
    from grpc_tools import protoc

    well_known = resources.files("grpc_tools") / "_proto"
    with tempfile.TemporaryDirectory() as folder:
        code = protoc.main(
            ["protoc", f"-I{proto}", f"-I{well_known}", f"--python_out={folder}", f"--pyi_out={folder}", *FILES]
        )
        if code != 0:
            raise RuntimeError(f"protoc refused {', '.join(FILES)} in {proto}")
        written = Path(folder) / "thalweg" / "v1"
        return {path.name: _relocated(path.read_text()) for path in sorted(written.iterdir())}


def _relocated(text: str) -> str:
    """protoc imports by the path of the protocol file; the stubs lie elsewhere."""
    return text.replace("from thalweg.v1 import", "from thalweg._wire import")


if __name__ == "__main__":
    for name, text in generate().items():
        (WIRE / name).write_text(text)
        sys.stdout.write(f"{WIRE / name}\n")
