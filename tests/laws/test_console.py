"""What a person sees while something runs: on standard error, never more than helps."""

import pytest

from leadline import console
from leadline.console import progress


class Clock:
    """Time that passes when it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr("time.monotonic", lambda: self.now)


def test_progress__a_pipe_gets_the_last_line(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("reading", total=3) as tick:
        for number in range(3):
            tick(f"note {number}")
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "reading 3/3, 0:00:00 left note 2\n"


def test_progress__a_pipe_gets_a_line_every_half_minute_with_what_is_left(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    with progress("reading", total=100) as tick:
        for _ in range(10):
            clock.now += 4
            tick("")
    assert capsys.readouterr().err == "reading 8/100, 0:06:08 left \n"  # 92 at 4 s each


def test_progress__what_an_earlier_run_finished_does_not_count_for_the_estimate(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    with progress("reading", total=100, done=90) as tick:
        clock.now += 31
        tick("")
    assert capsys.readouterr().err == "reading 91/100, 0:04:39 left \n"  # 9 at 31 s each


def test_progress__quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("reading", total=1, quiet=True) as tick:
        tick("note")
    assert capsys.readouterr() == ("", "")


def test_progress__a_terminal_gets_a_bar_with_the_note(monkeypatch: pytest.MonkeyPatch) -> None:
    from io import StringIO

    from rich.console import Console

    screen = StringIO()
    monkeypatch.setattr(console, "console", Console(file=screen, force_terminal=True, width=120))
    with progress("reading", total=4, done=1) as tick:
        tick("loss 0.5")
    shown = screen.getvalue()
    assert "reading" in shown
    assert "2/4" in shown
    assert "loss 0.5" in shown
