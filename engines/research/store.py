"""A sweep's folder: finished batches as they come, so that whatever stops it, the same sweep goes on from there."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from kwin_core.errors import ConfigError

FACTS = "kwin.sweep"
"""Key of the metadata of a file of results."""

RESULTS = "results.parquet"
_ABOUT = "sweep.json"
PARTS = "parts"
"""Folder of the finished batches while a sweep is not finished."""


def fingerprint(facts: Mapping[str, Any]) -> str:
    """Hash of everything that decides the results of a sweep."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()[:20]


def stated(table: pa.Table, facts: Mapping[str, Any]) -> pa.Table:
    """A table whose file says by itself what it is: profile, fixed inputs, bars, program, as JSON under `FACTS`."""
    said = {name: value for name, value in facts.items() if name not in ("columns", "seconds")}
    return table.replace_schema_metadata({FACTS: json.dumps(said, sort_keys=True, default=str)})


class Store:
    """Batches of one sweep on disk, each written whole or not at all.

    Parameters
    ----------
    folder
        Made when missing.
    facts
        What decides the results; a folder that holds another sweep is refused.

    Raises
    ------
    ConfigError
        When the folder cannot be written, or holds another sweep.
    """

    def __init__(self, folder: Path, facts: Mapping[str, Any]) -> None:
        self.folder = folder
        self._key = fingerprint(facts)
        self._facts = dict(facts)
        about = folder / _ABOUT
        try:
            if about.exists():
                self._check(about)
            else:
                if folder.exists() and any(folder.iterdir()):
                    raise ConfigError(
                        f"{folder}: there are other files in it; choose an empty folder for --out"
                    )
                (folder / PARTS).mkdir(parents=True, exist_ok=True)
                content = {"fingerprint": self._key, **facts}
                _write(about, (json.dumps(content, indent=2, default=str) + "\n").encode())
        except OSError as error:
            raise ConfigError(
                f"{folder}: cannot write there ({error.strerror}); choose another folder for --out"
            ) from None

    def _check(self, about: Path) -> None:
        try:
            found = json.loads(about.read_text(encoding="utf-8"))["fingerprint"]
        except (ValueError, KeyError, TypeError):
            raise ConfigError(f"{about}: damaged; delete the folder or choose another for --out") from None
        if found != self._key:
            raise ConfigError(
                f"{self.folder}: holds another sweep (other bars, sets, settings or program); choose another folder"
            )

    def read(self, batch: int) -> pa.Table | None:
        """A finished batch, or ``None``; a damaged file counts as not finished."""
        return _read_table(self._path(batch))

    def write(self, batch: int, table: pa.Table) -> None:
        """Keep a finished batch."""
        self._path(batch).parent.mkdir(exist_ok=True)
        _write_table(self._path(batch), table)

    def results(self) -> pa.Table | None:
        """The results of the finished sweep, or ``None``; a damaged file counts as not finished."""
        return _read_table(self.folder / RESULTS)

    def finish(self, table: pa.Table) -> None:
        """Write the results in one file and forget the batches."""
        _write_table(self.folder / RESULTS, stated(table, self._facts))
        for path in (self.folder / PARTS).glob("*"):
            path.unlink()
        if (self.folder / PARTS).exists():
            (self.folder / PARTS).rmdir()

    def _path(self, batch: int) -> Path:
        return self.folder / PARTS / f"{batch:06d}.parquet"


def _read_table(path: Path) -> pa.Table | None:
    """A table with its checksums verified; ``None`` when it is missing or damaged."""
    if not path.exists():
        return None
    try:
        return pq.read_table(path, page_checksum_verification=True)
    except (pa.ArrowException, OSError):
        return None


def _write_table(path: Path, table: pa.Table) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", write_page_checksum=True)
    _write(path, sink.getvalue())


def _write(path: Path, content: Any) -> None:
    """Write a file so that it is there whole or not at all, also after a power cut."""
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
