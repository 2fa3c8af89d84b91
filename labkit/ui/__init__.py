"""The lab in the browser: one file a tab, and beside it what the tab shows, free of Gradio."""

from __future__ import annotations
