"""Teachers: who is asked about which two memories, and how their verdicts become soft labels."""

from __future__ import annotations
