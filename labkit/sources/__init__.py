"""Where real dialogues come from: one file a format, each yielding Dialogues."""

from __future__ import annotations
