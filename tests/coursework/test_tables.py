"""Tables are read as every spreadsheet saves them, and open in Excel with their letters whole."""

import pytest

from gapgrade import CourseworkError
from gapgrade.tables import as_csv, for_spreadsheets, read_csv, read_ids

ROWS = [["Jürgen", "3,5", "says: „größer“; or\nnot"], ["Zoë", "", "x"]]


def test_what_is_written_is_read_again_and_begins_with_the_mark_that_excel_looks_for(tmp_path):
    content = for_spreadsheets(as_csv(["student", "score", "comment"], ROWS))
    assert content.startswith(b"\xef\xbb\xbf")
    (tmp_path / "t.csv").write_bytes(content)
    assert [list(row.values()) for row in read_csv(tmp_path / "t.csv", ["student"])] == ROWS


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("head", ["", "sep={}\r\n"])
def test_every_way_in_which_excel_saves_is_read(tmp_path, encoding, delimiter, head):
    quoted = [delimiter.join(f'"{cell}"' for cell in row) for row in [["student", "score", "comment"], *ROWS]]
    text = head.format(delimiter) + "\r\n".join(quoted) + "\r\n"
    (tmp_path / "t.csv").write_bytes(text.encode(encoding))
    assert [list(row.values()) for row in read_csv(tmp_path / "t.csv", ["comment"])] == ROWS


def test_a_long_field_is_read_and_a_missing_column_is_named(tmp_path):
    (tmp_path / "t.csv").write_text("student,answer\njane," + "A" * 200_000, encoding="utf-8")
    assert len(read_csv(tmp_path / "t.csv", [])[0]["answer"]) == 200_000
    with pytest.raises(CourseworkError, match=r"t\.csv has no column score: it has answer, student"):
        read_csv(tmp_path / "t.csv", ["student", "score"])


def test_a_list_of_students_is_its_first_column(tmp_path):
    (tmp_path / "t.csv").write_text("id;name\n007;Jane\n007;Jane\nbob;Bob\n;\n", encoding="utf-8")
    assert read_ids(tmp_path / "t.csv") == ["007", "bob"]
    (tmp_path / "t.csv").write_text("id\n", encoding="utf-8")
    with pytest.raises(CourseworkError, match="names nobody"):
        read_ids(tmp_path / "t.csv")
