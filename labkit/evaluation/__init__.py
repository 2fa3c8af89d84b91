"""What a ranking is worth: measures, and the runs that take them."""

from __future__ import annotations
