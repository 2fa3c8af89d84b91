"""What people say of hard memories: the store, queues, agreement, export to training data."""

from __future__ import annotations
