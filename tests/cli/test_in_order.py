"""Threads that read, work and finish at the same time give what one gives in turns."""

from __future__ import annotations

import threading

import pytest

from skm2v._cli.in_order import in_order


@pytest.mark.parametrize("n_threads", [1, 2, 5])
def test_items_are_finished_in_their_order(n_threads):
    finished = []

    def finish(number):
        finished.append(number)
        return -number

    assert list(in_order(range(50), lambda item: item + 1, finish, n_threads)) == [
        -number for number in range(1, 51)
    ]
    assert finished == [*range(1, 51)]
    assert list(in_order([], int, int, n_threads)) == []


@pytest.mark.parametrize("n_threads", [1, 2, 5])
@pytest.mark.parametrize("fails", ["reading", "work", "finishing"])
def test_after_one_that_fails_none_is_finished(n_threads, fails):
    finished = []

    def may_fail(where, number):
        if where == fails and number == 7:
            raise KeyError(where)
        return number

    def finish(number):
        may_fail("finishing", number)
        finished.append(number)

    items = (may_fail("reading", number) for number in range(50))
    with pytest.raises(KeyError, match=fails):
        list(in_order(items, lambda item: may_fail("work", item), finish, n_threads))
    if fails == "reading":  # those before it may be on their way
        assert finished == [*range(len(finished))] and len(finished) <= 7
    else:
        assert finished == [*range(7)]


def test_no_more_than_a_few_items_are_on_their_way():
    read = []

    def items():
        for number in range(100):
            read.append(number)
            yield number

    results = in_order(items(), int, int, 3)
    for n_done, _ in enumerate(results, start=1):
        assert len(read) <= n_done + 3 + 1


def test_reading_work_and_finishing_go_on_at_the_same_time():
    """Each of the three waits until the others have begun: in turns, none would end."""
    meeting = threading.Barrier(4, timeout=60)

    def items():
        yield "first"
        yield "second"
        yield "third"
        meeting.wait()

    def work(item):
        if item != "first":
            meeting.wait()
        return item

    def finish(item):
        if item == "first":
            meeting.wait()
        return item

    assert list(in_order(items(), work, finish, 2)) == ["first", "second", "third"]


def test_who_stops_asking_stops_it():
    finished, before = [], set(threading.enumerate())
    results = in_order(range(1000), int, finished.append, 2)
    next(results)
    results.close()
    assert finished == [*range(len(finished))] and len(finished) < 10
    assert set(threading.enumerate()) <= before
