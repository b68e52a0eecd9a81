"""Landing PSI files against a bare COPY of the rows it makes of them.

Ours finds, unpacks, checks, reconciles, parses, recognises repeats, loads and keeps the
ledger, one transaction a week. The peer sends the finished rows in one COPY into the
same table (columns, generated hash and indexes alike), in the same run, in turns.
Figures are medians of the rounds; a ratio of 1 would mean that all but the COPY costs
nothing. A second peer, dlt, loads the same finished rows once (`peers/dlt_load.py`).
The files are the real ones of 2024 where the shared data lies beside the checkout, else
44 weeks of their size and shape made here.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
import zipfile
from datetime import date, timedelta
from pathlib import Path
from statistics import median

import psycopg

from assets.landing.nsw_valuer import PSI_TABLE, ingest_psi
from benchmarks.processes import peak_mib
from benchmarks.report import Figure
from database.embedded import EmbeddedServer
from database.migrate import migrate

WEEKS, DISTRICTS, SALES = 44, 120, 32
ROUNDS = 3
REAL_WEEKS = Path(__file__).parents[2] / "shared" / "data" / "nsw_psi_weekly_2024"
#: Environment of the peers that are packages; `make bench` makes it.
PEERS = Path(__file__).parents[1] / ".venv-peers" / "bin" / "python"
_COPY = "with (format text, delimiter ';', null '')"


def make_weeks(folder: Path) -> Path:
    """Write weekly ZIPs of about 3,900 sales each, as the real ones of 2024 are."""
    folder.mkdir(parents=True)
    for week in range(WEEKS):
        monday = date(2024, 1, 1) + timedelta(weeks=week)
        path = folder / f"{monday:%Y%m%d}.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for district in range(1, DISTRICTS + 1):
                name = f"{district:03}_SALES_DATA_NNME_{monday:%d%m%Y}.DAT"
                archive.writestr(name, _district(district, week, monday))
    return folder


def _district(district: int, week: int, monday: date) -> str:
    stamp = f"{monday:%Y%m%d} 01:07"
    lines = [f"A;RTSALEDATA;{district:03};{stamp};VALNET;"]
    for number in range(1, SALES + 1):
        home = week * SALES + number
        key = f"{district:03};{district * 10_000 + home};{number};{stamp}"
        unit = number % 9 or ""
        contract = monday - timedelta(days=20 + number)
        lines.append(
            f"B;{key};;{unit};{home};GEORGE ST;SUBURB {district};2000;556.4;"
            f"M;{contract:%Y%m%d};{monday - timedelta(days=5):%Y%m%d};"
            f"{500_000 + home * 100};R2;R;RESIDENCE;{unit};AAA;;0;AU{home:06};"
        )
        lines.append(f"C;{key};{number}/SP{10_000 + district};")
        lines += [f"D;{key};{party};;;;;;" for party in "PPV"]
    total = 2 + SALES * 5
    lines.append(f"Z;{total};{SALES};{SALES};{SALES * 3};\n")
    return "\n".join(lines)


def measure(rounds: int = ROUNDS) -> list[Figure]:
    """Seconds of a first load and of a repeated one beside the bare COPY's."""
    with tempfile.TemporaryDirectory() as temporary:
        # The server may run as another user, who must be able to pass through.
        base = Path(temporary)
        base.chmod(0o755)
        source = REAL_WEEKS if REAL_WEEKS.is_dir() else make_weeks(base / "weeks")
        server = EmbeddedServer(base / "postgres")
        try:
            url = server.ensure_database(server.ensure(), "bench")
            migrate(url)
            with psycopg.connect(url, autocommit=True) as conn:
                return _compare(conn, source, base, rounds)
        finally:
            server.stop()


def _compare(
    conn: psycopg.Connection, source: Path, base: Path, rounds: int
) -> list[Figure]:
    ours: list[float] = []
    cpu: list[float] = []
    again: list[float] = []
    peer: list[float] = []
    memory = ""
    ready = base / "rows.txt"
    columns = ", ".join(
        (*PSI_TABLE.columns, "_source_file", "_batch_id", "_is_simulated")
    )
    for number in range(rounds):
        _empty(conn)
        wall, own = time.perf_counter(), time.process_time()
        summary = ingest_psi(conn, source, landing=base, is_simulated=False)
        ours.append(time.perf_counter() - wall)
        cpu.append(time.process_time() - own)
        if number == 0:
            memory = peak_mib()
            query = f"copy {PSI_TABLE.table} ({columns}) to stdout {_COPY}"
            with conn.cursor().copy(query) as copy, ready.open("wb") as out:
                for data in copy:
                    out.write(data)
        wall = time.perf_counter()
        repeated = ingest_psi(conn, source, landing=base, is_simulated=False)
        again.append(time.perf_counter() - wall)
        assert repeated.loaded == 0
        _empty(conn)
        wall = time.perf_counter()
        query = f"copy {PSI_TABLE.table} ({columns}) from stdin {_COPY}"
        with conn.cursor().copy(query) as copy, ready.open("rb") as rows:
            while block := rows.read(1 << 18):
                copy.write(block)
        peer.append(time.perf_counter() - wall)
    return [
        Figure(
            "first load",
            median(ours),
            "s",
            median(peer),
            "bare COPY",
            {
                "rows": f"{summary.read:,}",
                "rate": f"{summary.read / median(ours):,.0f} /s",
                "our CPU": f"{median(cpu):.2f} s",
                "peak memory": memory,
            },
        ),
        Figure("same files again", median(again), "s", median(ours), "first load"),
        *_beside_dlt(conn, ready, columns, median(ours)),
    ]


def _beside_dlt(
    conn: psycopg.Connection, ready: Path, columns: str, ours: float
) -> list[Figure]:
    """The same rows through dlt; nothing where its environment was not made."""
    if not PEERS.exists():
        return []
    info = conn.info
    address = f"{info.user}:{info.password}@{info.host}:{info.port}/{info.dbname}"
    answer = subprocess.run(
        [
            *(str(PEERS), str(Path(__file__).parent / "peers" / "dlt_load.py")),
            *("--rows", str(ready), "--columns", columns.replace(", ", ",")),
            *("--url", f"postgresql://{address}"),
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()[-1]
    found = json.loads(answer)
    conn.execute("drop schema if exists dlt_peer cascade")
    return [
        Figure(
            "first load",
            ours,
            "s",
            found["seconds"],
            "dlt, rows ready",
            {
                "dlt rows": f"{found['rows']:,}",
                "dlt peak memory": f"{found['peak_mib']:,.0f} MiB",
            },
        )
    ]


def _empty(conn: psycopg.Connection) -> None:
    conn.execute(f"truncate {PSI_TABLE.table}, raw.rejects, ops.source_files")
    conn.execute("checkpoint")
