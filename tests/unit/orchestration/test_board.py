"""Progress is a bar on a terminal and nothing elsewhere."""

import io

from rich.console import Console

from orchestration.board import Board, bar


def test_a_bar_shows_how_far_it_is():
    assert bar(0, 44).endswith("] 0 of 44")
    assert bar(22, 44).count("#") == bar(22, 44).count("-")
    assert "-" not in bar(44, 44)


def test_an_unknown_total_shows_the_count():
    assert bar(1234, 0) == "1,234"


def test_a_terminal_sees_the_bar_and_a_pipe_does_not():
    screen, pipe = io.StringIO(), io.StringIO()
    for file, is_terminal in ((screen, True), (pipe, False)):
        board = Board(Console(file=file, force_terminal=is_terminal, width=100))
        board.progress("nsw_valuer", 44, 44)
        board.stage("load nsw_valuer", "success", 1.0)
    assert "44 of 44" in screen.getvalue()
    assert "44 of 44" not in pipe.getvalue()
    assert "load nsw_valuer" in pipe.getvalue()
