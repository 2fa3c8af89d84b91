"""The one exception whose message is meant for the person at the keyboard."""

from __future__ import annotations


class InputError(ValueError):
    """Something a user gave cannot be used.

    The message is one line: what was got, what was expected, how to mend it. The command line
    prints it and exits with 2, the lab shows it on the page; neither shows a traceback.
    """
