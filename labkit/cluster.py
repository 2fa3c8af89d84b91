"""Ray, joined or started: a pool of workers in other processes, or on other machines.

``RAY_ADDRESS`` names a cluster to join; every node of it needs labkit and sees the same paths.
Without it Ray is started for as long as it is needed: on the loopback address alone, without a
dashboard. It reports its use to nobody in either case.

A pool is one Ray Data map over an actor class. A worker that dies is started again and its task is
given to one that lives, so a task may run twice: what it writes must not depend on how often.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

from labkit.errors import InputError

ADDRESS = "RAY_ADDRESS"
"""Environment variable with the cluster to join, as Ray itself has it."""

STARTS = 2
"""How often a start is tried: Ray gives its helpers 15 seconds, which a busy machine may exceed."""

RETRIES = 3
"""Deaths that a task survives; one that kills every worker would else go on for ever."""

_OBJECT_STORE = 128 * 2**20  # bytes; tasks and results are short texts

Task = Mapping[str, Any]


class Worker(Protocol):
    """Made once in its process, then called with task after task; both sides are JSON."""

    def __call__(self, task: Task) -> Task: ...


@contextlib.contextmanager
def ray_session(workers: int) -> Iterator[None]:
    """Ray for the block, with a processor for each of ``workers`` where it is started here.

    Raises:
        InputError: Ray is not installed, does not start, or the cluster cannot be reached.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    # Ray's log files are in its own folder; its processes also write to ours.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    address = os.environ.get(ADDRESS)
    if address == "local":  # Ray's word for one of its own
        address = None
    try:
        import ray
        from ray.data import DataContext
    except ImportError:
        raise InputError(
            "engine ray needs Ray, which is not installed; mend it with: pip install 'labkit[ray]'"
        ) from None
    if ray.is_initialized():
        yield
        return
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    with contextlib.ExitStack() as stack:
        stack.callback(ray.shutdown)
        if not address:
            stack.enter_context(_on_loopback())
        with _unheard():
            if address:
                _join(address, quiet)
            else:
                _start(workers, quiet)
        context = DataContext.get_current()
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        yield


@contextlib.contextmanager
def _unheard() -> Iterator[None]:
    """Without what Ray's own part in C++ says of its settings; what goes wrong is raised."""
    heard, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(heard, 2)
        os.close(heard)
        os.close(nowhere)


@contextlib.contextmanager
def _on_loopback() -> Iterator[None]:
    """Ray listens on 127.0.0.1, as it does where it takes a machine for a desktop.

    Else it listens on every address, also if it is told that its node is 127.0.0.1. The variable is
    for its processes, the constant for this one, which may have read the variable long ago.
    """
    from ray._private import ray_constants

    name = ray_constants.ENABLE_RAY_CLUSTERS_ENV_VAR
    before = os.environ.get(name), ray_constants.ENABLE_RAY_CLUSTER
    os.environ[name], ray_constants.ENABLE_RAY_CLUSTER = "0", False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before[1]
        if before[0] is None:
            del os.environ[name]
        else:
            os.environ[name] = before[0]


def _join(address: str, quiet: Mapping[str, Any]) -> None:
    import ray

    try:
        if address != "auto":
            # Where nobody listens Ray itself tries for minutes.
            host, _, port = address.rpartition("://")[2].rpartition(":")
            socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
        ray.init(address=address, **quiet)
    except (OSError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"{ADDRESS} is {address!r} ({reason}), expected HOST:PORT or auto of a cluster that "
            "ray start --head started, or no such variable"
        ) from None


def _start(workers: int, quiet: Mapping[str, Any]) -> None:
    import ray

    for attempt in range(1, STARTS + 1):
        try:
            ray.init(
                address="local",
                num_cpus=workers + 1,  # one is for what Ray Data itself may have to do
                object_store_memory=_OBJECT_STORE,
                include_dashboard=False,
                **quiet,
            )
            return
        except Exception as error:  # Ray raises bare ones
            ray.shutdown()
            if attempt == STARTS:
                reason = " ".join(str(error).split())[:200]
                raise InputError(
                    f"Ray does not start here ({reason}), expected a machine with time to spare: "
                    f"try again, or start it with ray start --head and set {ADDRESS}=auto"
                ) from None


def gpus_each(device: str | None) -> float:
    """How many GPUs a worker has that loads a model there; without a device, one where there are
    any.

    Raises:
        InputError: it is to have one and there is none: Ray would wait for it without an end.
    """
    import ray

    there = ray.cluster_resources().get("GPU", 0) >= 1
    wanted = there if device is None else device.startswith("cuda")
    if wanted and not there:
        raise InputError(f"--device is {device} and Ray knows no GPU, expected cpu, or one to join")
    return float(wanted)


def once(worker: type[Worker], arguments: Mapping[str, Any], task: Task, *, gpus: float) -> Task:
    """What one worker makes of one task, where the workers of a pool run."""
    import ray

    answer = ray.remote(num_cpus=1, num_gpus=gpus)(_answer_once).remote(
        worker, dict(arguments), json.dumps(task)
    )
    with _deaths():
        return _unpacked(ray.get(answer))


def pooled(
    worker: type[Worker],
    arguments: Mapping[str, Any],
    tasks: Iterable[Task],
    *,
    workers: int,
    gpus: float,
) -> Iterator[Task]:
    """Results of the tasks as they come, in any order.

    Args:
        worker: a class that the workers can import, and
        arguments: what it is made with.
        workers: processes, each with one processor and ``gpus`` of a GPU.

    Raises:
        InputError: a worker raised it; or a task's workers died more than :data:`RETRIES` times.
    """
    import ray.data

    rows = [{"task": json.dumps(task)} for task in tasks]
    if not rows:
        return
    with warnings.catch_warnings():
        # The only way to bound retries is deprecated for Ray 2.64, which pyproject.toml leaves out.
        warnings.simplefilter("ignore", DeprecationWarning)
        # A block a row: tasks are long, and nothing should wait for another.
        answers = ray.data.from_items(rows, override_num_blocks=len(rows)).map(
            _Answering,
            fn_constructor_args=(worker, dict(arguments)),
            compute=ray.data.ActorPoolStrategy(
                size=min(workers, len(rows)), max_tasks_in_flight_per_actor=2
            ),
            num_cpus=1,
            num_gpus=gpus,
            ray_remote_args_fn=_survivals,
        )
    with _deaths():
        for row in answers.iter_rows():
            yield _unpacked(row)


def _survivals() -> dict[str, int]:
    return {"max_restarts": -1, "max_task_retries": RETRIES}


class _Answering:
    """A worker whose errors of input travel as text: one line, whatever Ray wraps around."""

    def __init__(self, worker: type[Worker], arguments: dict[str, Any]) -> None:
        self._worker: Worker | None = None
        self._error = ""
        try:
            self._worker = worker(**arguments)
        except InputError as error:
            self._error = str(error)

    def __call__(self, row: dict[str, str]) -> dict[str, str]:
        if self._worker is None:
            return {"result": "null", "error": self._error}
        try:
            return {"result": json.dumps(self._worker(json.loads(row["task"]))), "error": ""}
        except InputError as error:
            return {"result": "null", "error": str(error)}


def _answer_once(worker: type[Worker], arguments: dict[str, Any], task: str) -> dict[str, str]:
    return _Answering(worker, arguments)({"task": task})


def _unpacked(row: Mapping[str, str]) -> Task:
    if row["error"]:
        raise InputError(row["error"])
    result: Task = json.loads(row["result"])
    return result


@contextlib.contextmanager
def _deaths() -> Iterator[None]:
    from ray.exceptions import ActorDiedError, ActorUnavailableError, WorkerCrashedError

    try:
        yield
    except (ActorDiedError, ActorUnavailableError, WorkerCrashedError) as error:
        reason = " ".join(str(error).split())[:300]
        raise InputError(
            f"workers of Ray died again and again ({reason}), expected enough memory for each: "
            "what is finished is kept, run again with fewer --workers"
        ) from None
