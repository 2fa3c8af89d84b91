"""Tables of words, written by hand: names, plots, questions, chatter."""

from __future__ import annotations
