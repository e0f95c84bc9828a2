from pathlib import Path

import pytest

from gaplab import files


def test_a_file_is_written_with_its_folder_and_replaced(tmp_path):
    path = tmp_path / "a" / "b.txt"
    files.write(path, b"old")
    files.write(path, "neu, ü".encode())
    assert path.read_text(encoding="utf-8") == "neu, ü"
    assert list(path.parent.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_old_file_whole(tmp_path, monkeypatch):
    path = tmp_path / "b.txt"
    files.write(path, b"old")

    def full(partial, content):
        with partial.open("wb") as file:
            file.write(content[:2])
        raise OSError("no space left")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="no space"):
        files.write(path, b"new content")
    assert path.read_bytes() == b"old"
