"""Reading ahead changes when work is done, never what comes out."""

import threading
import time
from collections.abc import Iterator

import pytest

from leadline.predict.overlap import overlapped


@pytest.mark.parametrize("ahead", [1, 3, 100])
@pytest.mark.parametrize("threads", [1, 4])
def test_overlapped__results_come_in_order(ahead: int, threads: int) -> None:
    def work(number: int) -> int:
        time.sleep(0.001 * (number % 3))
        return number * number

    assert list(overlapped(work, range(20), ahead=ahead, threads=threads)) == [n * n for n in range(20)]


def test_overlapped__nothing_gives_nothing() -> None:
    assert list(overlapped(str, [], ahead=3)) == []


def test_overlapped__takes_at_most_so_many_items_ahead() -> None:
    taken = []

    def items() -> Iterator[int]:
        for number in range(20):
            taken.append(number)
            yield number

    results = overlapped(str, items(), ahead=3)
    assert next(results) == "0"
    assert len(taken) == 4  # one was asked for, three wait
    assert next(results) == "1"
    assert len(taken) == 5
    results.close()  # type: ignore[attr-defined]
    assert len(taken) == 5


def test_overlapped__works_in_another_thread_while_one_waits() -> None:
    done = threading.Event()

    def work(number: int) -> str:
        if number == 1:
            done.set()
        return threading.current_thread().name

    results = overlapped(work, range(2), ahead=2)
    assert next(results) != threading.current_thread().name
    assert done.wait(timeout=10)  # before it was asked for
    assert len(list(results)) == 1


def test_overlapped__what_the_work_raises_arrives_at_its_place() -> None:
    results = overlapped(lambda number: 6 // number, [3, 2, 0, 1], ahead=4)
    assert [next(results), next(results)] == [2, 3]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_overlapped__one_that_stops_early_leaves_no_thread_behind() -> None:
    before = threading.active_count()
    results = overlapped(str, range(100), ahead=5, threads=3)
    next(results)
    results.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before


def test_overlapped__one_that_stops_early_drops_the_work_that_waits() -> None:
    done = []

    def work(number: int) -> None:
        time.sleep(0.01)
        done.append(number)

    results = overlapped(work, range(100), ahead=60)
    next(results)
    results.close()  # type: ignore[attr-defined]
    assert len(done) < 30


def test_overlapped__refuses_to_look_nowhere_ahead() -> None:
    with pytest.raises(ValueError, match="ahead"):
        list(overlapped(str, [1, 2], ahead=0))
