"""How fast the rerankers here are, beside what others run on the same weights in the same process.

:mod:`~labkit.bench.workload` makes the work, :mod:`~labkit.bench.race` times it, :mod:`encoders
<labkit.bench.encoders>` and :mod:`~labkit.bench.decoders` are who runs, :mod:`~labkit.bench.cold`
starts whole processes, :mod:`~labkit.bench.cost` says how fast it could be at best.
"""

from __future__ import annotations
