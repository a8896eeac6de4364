"""Several processes that share out the work of a campaign, and one stream of what they found.

shape   `shared_out(work, workers)`: `work(index, tell)` runs in each worker and tells plain data,
        which comes back as it was told, in any order; a worker that dies is told by an exception
"""

import json
import os
import select
import traceback
from collections.abc import Callable, Iterator
from typing import Any

Tell = Callable[[Any], None]


def shared_out(work: Callable[[int, Tell], None], workers: int) -> Iterator[Any]:
    """What `workers` processes told, as it comes."""
    pipes = dict(_worker(work, index) for index in range(workers))
    left = dict.fromkeys(pipes, b"")
    while left:
        for pipe in select.select(list(left), [], [])[0]:
            data = os.read(pipe, 1 << 16)
            if not data:
                del left[pipe]
                os.close(pipe)
                status = os.waitpid(pipes[pipe], 0)[1]
                if status:
                    message = f"worker: expected to end with 0, found wait status {status}"
                    raise RuntimeError(message)
                continue
            *lines, left[pipe] = (left[pipe] + data).split(b"\n")
            yield from map(json.loads, lines)


def _worker(work: Callable[[int, Tell], None], index: int) -> tuple[int, int]:
    """The pipe and the process id of a new worker."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.close(read_end)
            with os.fdopen(write_end, "wb", buffering=0) as pipe:
                work(index, lambda found: _write(pipe, json.dumps(found).encode() + b"\n"))
            status = 0
        finally:
            if status:
                traceback.print_exc()
            os._exit(status)
    os.close(write_end)
    return read_end, pid


def _write(pipe: Any, data: bytes) -> None:
    while data:
        data = data[pipe.write(data) :]
