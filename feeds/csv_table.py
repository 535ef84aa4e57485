"""Columns of a CSV file, plain or compressed, in blocks: text as text, numbers as float64."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pv

from kwin_core.errors import DataError

_LONGEST_LINE = 65_536
_NULLS = ["", "NaN", "nan", "NA", "N/A", "null", "None", "-"]


@dataclass(frozen=True)
class CsvShape:
    """How a CSV file is written.

    Attributes
    ----------
    delimiter
        Between columns.
    decimal
        Decimal sign of numbers.
    header
        Names of the columns of a file without a header line; ``None`` reads the first line.
    """

    delimiter: str = ","
    decimal: str = "."
    header: tuple[str, ...] | None = None


def column_names(path: Path, shape: CsvShape) -> list[str]:
    """Names of the columns.

    Raises
    ------
    DataError
        When the file is missing, empty or not a table.
    """
    with _opened(path, shape, pv.ConvertOptions()) as reader:
        return list(reader.schema.names)


def first_line(path: Path) -> str:
    """First line of a text file, plain or compressed, without byte-order mark and line end.

    Raises
    ------
    DataError
        When the file is missing or cannot be read.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    try:
        with pa.input_stream(str(path), compression="detect") as stream:
            start: bytes = stream.read(_LONGEST_LINE)
    except (OSError, EOFError) as error:
        raise _not_a_table(path, error) from None
    return start.decode("utf-8-sig", errors="replace").split("\n", 1)[0].rstrip("\r")


def batches(
    path: Path, shape: CsvShape, text: Sequence[str], numbers: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    """Blocks of the named columns; missing values are null.

    Raises
    ------
    DataError
        When a number is not one, a row has too few or too many columns, or the file cannot be read.
    """
    options = pv.ConvertOptions(
        include_columns=list(dict.fromkeys([*text, *numbers])),
        column_types={**dict.fromkeys(numbers, pa.float64()), **dict.fromkeys(text, pa.string())},
        null_values=_NULLS,
        strings_can_be_null=True,
        decimal_point=shape.decimal,
    )
    with _opened(path, shape, options) as reader:
        try:
            yield from reader
        except (pa.ArrowInvalid, OSError, EOFError) as error:
            raise _not_a_table(path, error) from None


def _opened(path: Path, shape: CsvShape, options: pv.ConvertOptions) -> pv.CSVStreamingReader:
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    try:
        return pv.open_csv(
            pa.input_stream(str(path), compression="detect"),
            read_options=pv.ReadOptions(column_names=shape.header, use_threads=False),
            parse_options=pv.ParseOptions(delimiter=shape.delimiter),
            convert_options=options,
        )
    except (pa.ArrowInvalid, pa.ArrowKeyError, OSError) as error:
        raise _not_a_table(path, error) from None


def _not_a_table(path: Path, error: Exception) -> DataError:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return DataError(
        f"{path}: cannot be read as this kind of CSV ({reason}); see --format, --delimiter, --decimal"
    )
