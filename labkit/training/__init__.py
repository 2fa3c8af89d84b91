"""From labelled Examples to students."""

from __future__ import annotations
