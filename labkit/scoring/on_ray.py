"""Shards scored by a pool of Ray actors, each with a model of its own: :mod:`labkit.cluster`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from labkit import cluster
from labkit.errors import InputError
from labkit.scoring.reranker import Reranker
from labkit.scoring.shards import Job, Scored, Shard, absolute_source, identity_of, score_shard


class RayEngine:
    """Use it inside :func:`labkit.cluster.ray_session`.

    Args:
        model, device, dtype: as :meth:`Reranker.load` has them, and as every worker loads them.
            Without a device workers have a GPU each where there are GPUs.
        workers: how many.
    """

    name = "ray"

    def __init__(
        self, model: str, *, device: str | None = None, dtype: str | None = None, workers: int
    ) -> None:
        self.workers = workers
        self._model = {"model": absolute_source(model), "device": device, "dtype": dtype}
        self._gpus = cluster.gpus_each(device)
        self._identity: dict[str, Any] | None = None

    def identity(self) -> dict[str, Any]:
        """As a worker sees it: the machine of the caller may have neither GPU nor weights."""
        if self._identity is None:
            found = cluster.once(Identifier, self._model, {}, gpus=self._gpus)
            self._identity = dict(found)
        return self._identity

    def run(self, job: Job, shards: Sequence[Shard]) -> Iterator[Scored]:
        of_job = {
            "folder": str(job.folder),
            "out": str(job.out),
            "key": job.key,
            "skip_bad": job.skip_bad,
        }
        given = {**self._model, "identity": self.identity(), "job": of_job}
        tasks = [asdict(shard) for shard in shards]
        for found in cluster.pooled(
            ShardScorer, given, tasks, workers=self.workers, gpus=self._gpus
        ):
            yield Scored(**found)


class Identifier:
    """Says what the model is that a worker loads."""

    def __init__(self, model: str, device: str | None, dtype: str | None) -> None:
        self._found = identity_of(Reranker.load(model, device=device, dtype=dtype), model)

    def __call__(self, task: cluster.Task) -> cluster.Task:
        return self._found


class ShardScorer:
    """Scores shard after shard; refuses to where it has another model than the run."""

    def __init__(
        self,
        model: str,
        device: str | None,
        dtype: str | None,
        identity: Mapping[str, Any],
        job: Mapping[str, Any],
    ) -> None:
        self._reranker = Reranker.load(model, device=device, dtype=dtype)
        found = identity_of(self._reranker, model)
        if found != identity:
            differs = ", ".join(name for name in found if found[name] != identity.get(name))
            raise InputError(
                f"a worker of Ray has another model ({differs}), expected the same one on the "
                "same kind of device everywhere"
            )
        self._job = Job(Path(job["folder"]), Path(job["out"]), job["key"], job["skip_bad"])

    def __call__(self, task: cluster.Task) -> cluster.Task:
        return asdict(score_shard(self._reranker, self._job, Shard(**task)))
