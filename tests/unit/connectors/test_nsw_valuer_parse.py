from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.lines import Block, read_blocks
from connectors.nsw_valuer.archive import ArchiveReader
from connectors.nsw_valuer.layout import ROW_COLUMNS
from connectors.nsw_valuer.parse import CurrentReader
from connectors.nsw_valuer.reading import EarlyRead, read_records, refuse_records
from connectors.nsw_valuer.scan import scan
from domain.records import ORIGINAL_LIMIT, Reject
from tests.psi_samples import STAMP, psi_file, sale

Record = dict[str, str]


def read(
    content: bytes, chunk: int | None = None
) -> tuple[list[Record], list[Reject], int]:
    def opened() -> io.BytesIO:
        return io.BytesIO(content)

    if chunk is None:
        batches = list(read_records("f.DAT", scan(opened), opened))
    else:
        batches = list(CurrentReader("f.DAT").read(read_blocks(opened(), chunk)))
    rows = [
        dict(zip(ROW_COLUMNS, _split(row), strict=True))
        for batch in batches
        for row in batch.rows
    ]
    rejects = [reject for batch in batches for reject in batch.rejects]
    return rows, rejects, sum(batch.rejected for batch in batches)


def _split(row: str) -> list[str]:
    """Undo the row dialect."""
    values, value, escaped = [], "", False
    for char in row:
        if escaped:
            value += {"n": "\n", "r": "\r"}.get(char, char)
            escaped = False
        elif char == "\\":
            escaped = True
        elif char == ";":
            values.append(value)
            value = ""
        else:
            value += char
    return [*values, value]


def test_a_sale_carries_its_legal_description_and_counts_its_parties() -> None:
    lines = sale(1, house="906", lot="47")
    lines.insert(2, f"C;708;2000001;1;20240617 01:08;{'X' * 70};")
    lines.append("D;708;2000001;1;20240617 01:09;V;;;;;;")  # the minute has turned
    rows, rejects, _ = read(psi_file(lines))
    assert rejects == []
    assert rows[0]["legal_description"] == "1/SP57860" + "X" * 70
    assert (rows[0]["purchaser_count"], rows[0]["vendor_count"]) == ("1", "2")
    assert rows[0]["purchase_price_aud"] == "585000"
    assert rows[0]["_row_number"] == "2"


def test_only_counter_and_download_time_may_differ_in_a_repeat() -> None:
    same = sale(7, stamp="20240624 01:07", counter="9")
    rows, _, _ = read(psi_file(sale(7), same, sale(7, price="585001")))
    assert rows[0]["_row_hash"] == rows[1]["_row_hash"] != rows[2]["_row_hash"]


@pytest.mark.parametrize(
    ("fields", "field", "rule"),
    [
        ({"price": "-585000"}, "purchase_price_aud", "price_negative"),
        ({"price": "12x"}, "purchase_price_aud", "price_not_numeric"),
        ({"price": "9" * 13}, "purchase_price_aud", "price_not_numeric"),
        ({"contract": "10210906"}, "contract_date", "contract_date_out_of_range"),
        ({"contract": "20250101"}, "contract_date", "contract_date_out_of_range"),
        ({"contract": "20240230"}, "contract_date", "contract_date_impossible"),
        ({"contract": "1/5/2024"}, "contract_date", "contract_date_unreadable"),
        ({"settled": "00150101"}, "settlement_date", "settlement_date_out_of_range"),
        ({"settled": "20241301"}, "settlement_date", "settlement_date_impossible"),
        ({"area": "12,5"}, "area", "area_not_numeric"),
        ({"area_type": "X"}, "area_type", "area_type_unknown"),
        ({"stamp": "20240617 25:08"}, "downloaded_at", "download_time_unreadable"),
        ({"street": "A\x00B"}, "street_name", "nul_byte"),
        ({"street": "A" * 300}, "street_name", "field_too_long"),
        ({"street": "A;B"}, None, "field_count_wrong"),
    ],
)
def test_a_wrong_field_refuses_its_record_and_no_other(
    fields: dict[str, str], field: str | None, rule: str
) -> None:
    rows, rejects, rejected = read(psi_file(sale(1), sale(2, **fields), sale(3)))
    assert [row["sale_counter"] for row in rows] == ["1", "3"]
    assert rejected == 1
    (reject,) = rejects
    assert (reject.field, reject.rule_id, reject.row_number) == (field, rule, 6)
    assert reject.reason
    assert reject.fix
    assert reject.original is not None
    assert reject.original.text.startswith("B;708;")


def test_blank_fields_are_null_not_wrong() -> None:
    blank = sale(1, price="", contract="", settled="", area="", area_type="", prop="")
    rows, rejects, _ = read(psi_file(blank))
    assert rejects == []
    assert rows[0]["purchase_price_aud"] == rows[0]["valuer_property_id"] == ""


def test_backslash_and_carriage_return_survive_the_row_dialect() -> None:
    lines = sale(1, street="A\\B ST", locality="NO\rWHERE")
    content = psi_file(lines).replace(b"\n", b"\r\n")
    rows, rejects, _ = read(content)
    assert rejects == []
    assert rows[0]["street_name"] == "A\\B ST"
    assert rows[0]["locality"] == "NO\rWHERE"
    assert rows[0]["legal_description"] == "1/SP57860"


def test_a_line_of_ten_megabytes_is_cut_and_fingerprinted() -> None:
    monster = sale(2, street="A" * 10_000_000)
    rows, rejects, rejected = read(psi_file(sale(1), monster, sale(3)))
    assert [row["sale_counter"] for row in rows] == ["1", "3"]
    assert rejected == 1
    original = rejects[0].original
    assert rejects[0].rule_id == "line_too_long"
    assert rejects[0].row_number == 6
    assert original is not None
    assert len(original.text) == ORIGINAL_LIMIT
    assert original.size_bytes == len(monster[0])
    assert original.sha256


def test_stray_lines_are_noted_without_counting_as_sales() -> None:
    lines = ["hello", *sale(1), "C;1;2;3;20240617 01:08;orphan;"]
    rows, rejects, rejected = read(psi_file(lines))
    assert (len(rows), rejected) == (1, 0)
    assert [r.rule_id for r in rejects] == [
        "record_type_unknown",
        "record_without_sale",
    ]


def reordered() -> dict[str, list[str]]:
    one, two = sale(1, price="-1"), sale(2)
    three, again = sale(3), sale(3, price="7")
    return {
        "by letter": [line for n in range(4) for line in (two[n], three[n])],
        "legal first": [*two[1:], *three[1:], two[0], three[0]],
        "last first": [*reversed(three), *reversed(two)],
        "between": [two[0], three[0], *two[1:], *three[1:]],
        "behind a refused sale": [one[0], *two[1:], *one[1:], two[0], *three],
        "equal counters": [*three, *two, *again],
    }


@pytest.mark.parametrize("order", list(reordered()))
def test_records_out_of_order_are_joined_to_their_sale(order: str) -> None:
    rows, rejects, rejected = read(psi_file(reordered()[order]))
    assert [r.rule_id for r in rejects] == ["price_negative"] * rejected
    assert {row["sale_counter"]: row["legal_description"] for row in rows} == {
        "2": "2/SP57860",
        "3": "3/SP57860",
    }
    for row in rows:
        assert (row["purchaser_count"], row["vendor_count"]) == ("1", "1")


def test_a_stray_of_another_week_is_not_taken_for_ours() -> None:
    late = [line.replace(STAMP, "20240624 01:08") for line in sale(1)[1:]]
    rows, rejects, _ = read(psi_file(sale(1)[:1], sale(2), late))
    assert rows[0]["legal_description"] == ""
    assert [reject.rule_id for reject in rejects] == ["record_without_sale"] * 3


def test_a_big_file_out_of_order_is_joined_too() -> None:
    sales = [sale(n) for n in range(9000)]
    letters = [[one[n] for one in sales] for n in range(4)]
    rows, rejects, _ = read(psi_file(*letters))
    assert rejects == []
    assert [row["legal_description"] for row in rows] == [
        f"{n}/SP57860" for n in range(9000)
    ]


def test_a_missing_last_delimiter_and_windows_line_ends_are_no_fault() -> None:
    content = psi_file(sale(1), sale(2)).replace(b";\n", b"\r\n")
    rows, rejects, _ = read(content)
    assert rejects == []
    assert [row["legal_description"] for row in rows] == ["1/SP57860", "2/SP57860"]
    assert [row["vendor_count"] for row in rows] == ["1", "1"]


def test_records_of_a_refused_sale_are_not_reported_again() -> None:
    rows, rejects, _ = read(psi_file(sale(1, price="-1"), sale(2)))
    assert len(rows) == len(rejects) == 1
    assert rows[0]["purchaser_count"] == "1"


ARCHIVE = (
    "A;;VALNET1;20150909 11:33;;\n"
    "B;011;VALNET1;0145900000000;292674;;;ELDON ST;ABERDEEN;2336;20/11/1990;14500;"
    "LOT 7 SEC 22 DP 758003, LOT 8 SEC 22 DP 758003.;2365;M;10X20;;A;;;;\n"
    "B;011;VALNET1;0145900000001;292675;;1;ELDON ST;ABERDEEN;2336;32/11/1990;14500;"
    "LOT 9;2365;M;;;A;;;;\n"
    "Z;4;1;;\n"
)


def test_the_archive_format_is_told_apart_and_read() -> None:
    found = scan(lambda: io.BytesIO(ARCHIVE.encode()))
    assert (found.record_format, found.fault) == ("archive", None)
    reader = ArchiveReader("a.DAT", found.downloaded_at)
    batches = list(reader.read(read_blocks(io.BytesIO(ARCHIVE.encode()))))
    (row,) = [row for batch in batches for row in batch.rows]
    record = dict(zip(ROW_COLUMNS, _split(row), strict=True))
    assert record["contract_date"] == "19901120"
    assert record["purchase_price_aud"] == "14500"
    assert record["valuer_property_id"] == "292674"
    assert record["legal_description"].startswith("LOT 7 SEC 22")
    assert record["dimensions"] == "10X20"
    assert record["record_format"] == "archive"
    (reject,) = [reject for batch in batches for reject in batch.rejects]
    assert reject.rule_id == "contract_date_impossible"


def archive(*lines: str, trailer: str | None = None) -> bytes:
    header = "A;;VALNET1;20150909 11:33;;"
    end = f"Z;{len(lines) + 2};{len(lines)};;" if trailer is None else trailer
    return "\n".join([header, *lines, end, ""]).encode()


def archived(contract: str, price: str = "14500") -> str:
    return (
        "B;011;VALNET1;0145900000000;292674;;;ELDON ST;ABERDEEN;2336;"
        f"{contract};{price};LOT 7;2365;M;10X20;;A;;;;"
    )


def test_an_archived_sale_is_the_same_in_either_form_of_its_date() -> None:
    lines = [archived("1/02/1990"), archived("19900201"), archived("01/02/1990")]
    rows, rejects, _ = read(archive(*lines, archived("1990-02-01")))
    assert rejects == []
    assert {row["contract_date"] for row in rows} == {"19900201"}
    assert len({row["_row_hash"] for row in rows}) == 1
    rows, rejects, _ = read(archive(archived("1/13/1990"), archived("Feb 1990")))
    assert (rows, len(rejects)) == ([], 2)


def test_the_archives_trailer_is_off_by_one_but_has_to_be_there() -> None:
    lines = [archived("1/02/1990", str(n)) for n in range(5)]
    for trailer, note in (("Z;6;5;;", False), ("Z;6;4;;", True), ("Z;99;9;;", True)):
        found = scan(lambda t=trailer: io.BytesIO(archive(*lines, trailer=t)))
        assert found.fault is None
        assert (found.note is not None) is note
    cut = scan(lambda: io.BytesIO(archive(*lines, trailer=lines[0][:40])))
    assert cut.fault is not None
    assert cut.fault.rule_id == "trailer_missing"


fragments = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(["\n".join(sale(n)).encode() for n in (1, 2)]),
    st.sampled_from(
        [b"\n", b"B;", b"C;", b"D;", b"Z;1;0;0;0;", b"\x00", b"\\", b";;;"]
    ),
)


@given(st.lists(fragments, max_size=12).map(b"\n".join), st.integers(1, 40))
def test_any_bytes_give_records_or_rejects_and_never_an_exception(
    content: bytes, chunk: int
) -> None:
    found = scan(lambda: io.BytesIO(content))
    wanted = sum(line.startswith(b"B;") for line in content.split(b"\n"))
    assert found.counts["B"] == wanted
    for reader in (CurrentReader("f"), ArchiveReader("f", "20150909 11:33")):
        batches = list(reader.read(read_blocks(io.BytesIO(content))))
        assert sum(batch.read for batch in batches) == wanted
        for batch in batches:
            assert len(batch.rows) == len(batch.hashes)
            assert all(len(_split(row)) == len(ROW_COLUMNS) for row in batch.rows)
            assert all("\x00" not in row and "\n" not in row for row in batch.rows)
    small = list(CurrentReader("f").read(read_blocks(io.BytesIO(content), 64 + chunk)))
    assert sum(batch.read for batch in small) == wanted


plain = st.text(
    st.characters(min_codepoint=32, max_codepoint=255, exclude_characters=";"),
    max_size=38,
)


@given(street=plain, locality=plain, price=st.integers(0, 10**12 - 1))
def test_what_a_record_says_comes_back(street: str, locality: str, price: int) -> None:
    rows, rejects, _ = read(
        psi_file(sale(1, street=street, locality=locality, price=str(price)))
    )
    assert rejects == []
    assert (rows[0]["street_name"], rows[0]["locality"]) == (street, locality)
    assert rows[0]["purchase_price_aud"] == str(price)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=6), st.integers(64, 400))
def test_records_do_not_depend_on_where_chunks_end(
    counters: list[int], chunk: int
) -> None:
    content = psi_file(*(sale(counter) for counter in counters))
    whole, _, _ = read(content)
    # Lines stay below a chunk here; longer ones are cut by design.
    chunked, rejects, _ = read(content, chunk + 200)
    assert rejects == []
    assert chunked == whole


@pytest.mark.parametrize("trailer", ["Z;60004;60001;0;0;", "Z;1;1;1;1;"])
def test_a_file_of_next_to_nothing_a_line_is_handed_on_in_parts(trailer: str) -> None:
    content = psi_file(["B;"] * 60_000, sale(1)[:1], trailer=trailer)
    found = scan(lambda: io.BytesIO(content))
    fault = found.fault
    if fault is None:
        batches = list(read_records("f", found, lambda: io.BytesIO(content)))
    else:
        batches = list(refuse_records("f", read_blocks(io.BytesIO(content)), fault))
    assert sum(batch.read for batch in batches) == 60_001
    assert max(len(batch.rejects) for batch in batches) <= 20_000


_ONE = "B;708;2000001;1;20240617 01:08;;;9;A ST;B;2000;5.5;M;20240601;;1;R2;R;;;AA;;;X1"
_LINES = st.sampled_from(
    [
        "A;RTSALEDATA;708;20240617 01:08;VALNET;",
        _ONE,
        f"{_ONE};",
        _ONE.replace(";2000001;1;", ";2000002;2;").replace(";1;R2", ";2;R2"),
        _ONE.replace("20240601", "20240631"),
        _ONE.replace("20240601", "20240618"),
        _ONE.replace("A ST", "A" * 256),
        _ONE.replace("A ST", "A" * 200),
        _ONE.replace("AA;;;", "AA;;101;"),
        "C;708;2000001;1;20240617 01:08;47/SP1;",
        "C;708;2000001;1;20240617 01:09;47;SP1",
        f"C;708;2000001;1;20240617 01:08;{'L' * 5000}",
        "C;708;2000002;2;20240617 01:08;48/SP1",
        *(
            f"D;708;2000001;1;20240617 01:0{n};{kind};;;;;;"
            for n in "89"
            for kind in "PV"
        ),
        "D;708;2000002;2;20240617 01:08;V;;;;;;",
        "D;708;2000002;2;20240617 01:08;P;;V;;;;",
        "",
        "junk",
    ]
)


@given(st.lists(_LINES, max_size=24))
def test_sales_read_whole_are_as_those_read_line_by_line(lines: list[str]) -> None:
    def read_in(*blocks: str) -> tuple[list[str], list[str], list[Reject], int, bool]:
        reader = CurrentReader("f.DAT")
        batches = list(reader.read(Block(text, has_specials=False) for text in blocks))
        return (
            [row for batch in batches for row in batch.rows],
            [key for batch in batches for key in batch.hashes],
            [reject for batch in batches for reject in batch.rejects],
            sum(batch.rejected for batch in batches),
            reader.is_disordered,
        )

    assert read_in("\n".join(lines)) == read_in(*(lines or [""]))


@given(st.lists(_LINES, max_size=24), st.binary(max_size=9), st.booleans())
def test_records_are_counted_alike_with_and_without_reading_them(
    lines: list[str], odd: bytes, ends: bool
) -> None:
    head = b"A;RTSALEDATA;708;20240617 01:08;VALNET;\n"
    content = head + "\n".join(lines).encode() + b"\n" + odd + b"\nZ;1;" + b"\n" * ends
    early = EarlyRead("f.DAT")
    counted = scan(lambda: io.BytesIO(content), count=early.count)
    assert counted == scan(lambda: io.BytesIO(content))
