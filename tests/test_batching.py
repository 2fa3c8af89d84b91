from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from labkit.batching import token_batches


@given(st.lists(st.integers(0, 300)), st.integers(1, 500), st.integers(0, 100))
def test_every_item_runs_once_and_no_batch_of_several_is_over_budget(
    lengths: list[int], budget: int, overhead: int
) -> None:
    batches = list(token_batches(lengths, budget, overhead=overhead))
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    for batch in batches:
        need = len(batch) * (max(lengths[i] for i in batch) + overhead)
        assert need <= budget or len(batch) == 1


def test_like_lengths_run_together_longest_first() -> None:
    assert list(token_batches([5, 90, 6, 100], 200)) == [[3, 1], [2, 0]]
