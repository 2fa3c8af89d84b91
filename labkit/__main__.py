"""``python -m labkit``: what torchrun and accelerate start in each process."""

from __future__ import annotations

from labkit.cli import main

main()
