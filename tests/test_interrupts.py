"""Ctrl-C while a failed task waits for a person."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from octavo.executors.interrupts import Interrupts


@pytest.fixture
def interrupts() -> Iterator[Interrupts]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    interrupts = Interrupts()
    yield interrupts
    interrupts.defer(False)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, before)


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_an_interrupt_between_two_waits_is_raised_at_the_next(interrupts: Interrupts) -> None:
    interrupts.defer(True)
    interrupt()
    with pytest.raises(KeyboardInterrupt), interrupts.heard():
        pytest.fail("it was raised too late")
    with interrupts.heard():
        pass


def test_an_interrupt_during_a_wait_is_raised_there(interrupts: Interrupts) -> None:
    interrupts.defer(True)
    with pytest.raises(KeyboardInterrupt), interrupts.heard():
        interrupt()


def test_a_second_interrupt_is_raised_wherever_it_comes(interrupts: Interrupts) -> None:
    interrupts.defer(True)
    interrupt()
    with pytest.raises(KeyboardInterrupt):
        interrupt()


def test_without_a_waiting_task_interrupts_are_raised_anywhere(interrupts: Interrupts) -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupt()
    interrupts.defer(True)
    interrupts.defer(False)
    with pytest.raises(KeyboardInterrupt):
        interrupt()


def test_two_interrupts_within_a_second_are_told_apart_from_one(interrupts: Interrupts) -> None:
    assert not interrupts.twice()
    assert interrupts.twice()
