"""Talks to language models: one client for every OpenAI-compatible endpoint, prompts as files.

Writers and teachers both stand on it. Import from its modules; this one loads nothing.
"""

from __future__ import annotations
