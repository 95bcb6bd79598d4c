# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever lies in a file of a stranger's: it is read, or refused in words with a next move. See tools/torture.py."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings

from .readers import READERS
from .spoiling import Reader, refused


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_a_bad_file_is_read_or_refused_in_clear_words(reader: Reader, tmp_path: Path) -> None:
    for whole in reader.wholes():
        refused(reader, whole, tmp_path)

    @settings(max_examples=30)
    @given(reader.bad)
    def read(data: bytes) -> None:
        refused(reader, data, tmp_path)

    read()
