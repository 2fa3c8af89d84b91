"""What every teacher does, whatever it is made of: compare two memories, grade one."""

from __future__ import annotations

from typing import Protocol

from labkit.records import Example
from labkit.teachers.verdicts import Grade, Verdict


class Teacher(Protocol):
    """Compares memories as answers to a query with its context, instruction and date.

    The same question gets the same answer: what can differ from call to call (a model behind an
    endpoint) is stored.
    """

    @property
    def name(self) -> str:
        """As verdicts name it: its kind, a colon, and which one."""
        ...

    @property
    def can_grade(self) -> bool:
        """Whether it can say what one memory is worth by itself."""
        ...

    async def compare(
        self, example: Example, first: str, second: str, second_example: Example | None = None
    ) -> Verdict:
        """Its verdict on two memory ids, shown in this order.

        Args:
            second_example: whose query the second memory answers, where that is another one.

        Raises:
            CallFailed: there was no answer this time; asked again there may be.
            BudgetSpent: to ask would go beyond the budget.
        """
        ...

    async def grade(self, example: Example, memory: str) -> Grade:
        """Its rubric grade of one memory id; raises as :meth:`compare`."""
        ...
