"""All plots, dressed in the words of their shape, in the order that lives draw from them."""

from __future__ import annotations

from dataclasses import replace

from labkit.synthesis.plots import SHAPES, Plot, Words
from labkit.synthesis.words import homely, job, mishaps, moments, questions, schemes, shapes, tastes


def _dressed(plot: Plot) -> Plot:
    beats: dict[str, Words] = {}
    for beat in SHAPES[plot.shape]:
        of_shape = shapes.BEATS[plot.shape].get(beat.name)
        own = plot.beats.get(beat.name)
        if of_shape is None or own is None:
            found = own or of_shape
            if found is not None:
                beats[beat.name] = found
        else:
            beats[beat.name] = Words(
                own.say + of_shape.say, own.sum + of_shape.sum, own.note + of_shape.note
            )
    asks = dict(questions.BY_SHAPE[plot.shape])
    for ask, frames in plot.asks.items():
        # A plot's own words twice: they are closer to how people talk about just this.
        asks[ask] = frames + frames + asks.get(ask, ())
    return replace(plot, beats=beats, asks=asks)


STORIES: tuple[Plot, ...] = tuple(
    map(
        _dressed,
        (
            job.PLOT, homely.HOME, homely.LESSONS, homely.PROVIDER, homely.CHILDCARE,
            mishaps.LEAK, mishaps.CAR, mishaps.PET, mishaps.BACK,
            schemes.TRIP, schemes.PARTY, schemes.RACE,
        ),
    )
)  # fmt: skip
TASTES: tuple[Plot, ...] = tuple(map(_dressed, tastes.PLOTS))
MOMENTS: tuple[Plot, ...] = tuple(map(_dressed, moments.PLOTS))
