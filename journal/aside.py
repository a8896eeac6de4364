"""A second thread, for what can be done while the engine waits for its disk.

shape   `with aside.doing(work): commit()`; behind it `work` is done, or was not begun and never is
rules   `work` is a convenience: it does not fail by contract, whoever needs what it makes can do
        without, and it touches nothing of the journal's. A thread that comes too late is not waited
        for: its work is taken back
dies    anywhere: as if there had been no second thread
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from threading import Lock, Thread

Work = Callable[[], object]


class Aside:
    """At most one thread; none before there is something to do."""

    def __init__(self) -> None:
        self._given: SimpleQueue[tuple[Work, Lock] | None] = SimpleQueue()
        self._thread: Thread | None = None

    @contextmanager
    def doing(self, work: Work | None) -> Iterator[None]:
        """Have `work` begun meanwhile; what was begun is waited for."""
        if work is None or not self._is_served():
            yield
            return
        over = Lock()
        over.acquire()
        self._given.put((work, over))
        try:
            yield
        finally:
            try:
                self._given.get_nowait()
            except Empty:
                over.acquire()

    def _is_served(self) -> bool:
        """Whether there is a thread; where none can be had, a commit does without."""
        if self._thread is None or not self._thread.is_alive():
            thread = Thread(target=_serve, args=(self._given,), daemon=True)
            try:
                thread.start()
            except RuntimeError:
                return False
            self._thread = thread
        return True

    def close(self) -> None:
        """Let the thread go."""
        if self._thread is not None:
            self._given.put(None)
            self._thread.join()
            self._thread = None


def _serve(given: "SimpleQueue[tuple[Work, Lock] | None]") -> None:
    """One piece of work after the other."""
    while (taken := given.get()) is not None:
        work, over = taken
        try:
            work()
        finally:
            over.release()
