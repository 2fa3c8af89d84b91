"""Counts how rare tokens are, and fits the head of the late student on the authored train lives.

Run as: python -m labkit.training.late --data runs/squad --data runs/friendsqa --data runs/canard
--data runs/ecare --data runs/lives --data assets/lives --lives assets/lives
--out assets/models/minilm-late
and then: labkit calibrate minilm-late --data assets/lives:train --decide-on assets/lives:dev
--in-place --out runs/minilm-late
"""

from __future__ import annotations

import argparse
from pathlib import Path

from labkit.rendering import render_memory
from labkit.retrieval.minilm import SHA256, load_minilm
from labkit.students.card import Card
from labkit.students.late import LateInteraction, inverse_document_frequency, write_idf
from labkit.training.cosine import fit_head
from labkit.training.groups import read_split
from labkit.training.run import data_sha256


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, action="append", required=True)
    parser.add_argument("--lives", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    texts: dict[str, None] = {}
    for place in arguments.data:
        for example in read_split(place, "train"):
            texts.update(dict.fromkeys(map(render_memory, example.memories)))
        print(f"{place}: {len(texts):,} distinct memories so far")
    tokenizer, _ = load_minilm()
    idf = inverse_document_frequency(texts, tokenizer.backend.get_vocab_size())
    fit = fit_head(read_split(arguments.lives, "train"), LateInteraction(idf))
    card = Card(
        family="late",
        head=fit.head,
        base={"id": "sentence-transformers/all-MiniLM-L6-v2", "sha256": SHA256},
        training={
            "command": "python -m labkit.training.late",
            "tokens counted in": {
                f"{place.parent.name}/{place.name}": data_sha256(str(place))
                for place in arguments.data
            },
            "memories counted": len(texts),
            "pairs fitted": fit.pairs,
        },
        description=(
            "Late interaction over the packaged MiniLM's token vectors, untrained, put on a "
            "probability scale by logistic regression on the authored train lives. It finds names "
            "and numbers where a cosine compares topics; it is a baseline, not a trained reranker."
        ),
    )
    write_idf(idf, arguments.out)
    card.save(arguments.out)
    print(f"{arguments.out}: {fit}")


if __name__ == "__main__":
    main()
