"""What containers from strangers are refused for, in words for people."""

from __future__ import annotations

import io
import zipfile

import pytest

from connectors.archives import open_member


def test_a_member_with_a_password_is_refused_in_words_for_people() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("sales.csv", "a,b\n")
    content = bytearray(packed.getvalue())
    content[content.index(b"PK\x03\x04") + 6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        (info,) = archive.infolist()
        with pytest.raises(zipfile.BadZipFile, match="is locked with a password"):
            open_member(archive, info)
