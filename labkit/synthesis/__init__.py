"""Writes new lives: a world first, words second, and typed hard negatives for every question."""

from __future__ import annotations
