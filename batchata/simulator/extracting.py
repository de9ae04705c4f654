"""An answer without a schema: the sentences that share the most words with what was asked."""

from __future__ import annotations

from functools import lru_cache

from batchata.simulator.corpus import WORD, Corpus
from batchata.simulator.labels import Place
from batchata.simulator.requests import Request
from batchata.simulator.vocabulary import STOP
from batchata.simulator.writing import Block, citation, text_block

SENTENCES = 3
NOTHING = "There is no text to answer from."


def extract(request: Request) -> list[Block]:
    """Up to three sentences in reading order; with citations on, each is a block of its own."""
    chosen = _chosen(request)
    if not chosen:
        return [text_block(NOTHING)]
    if not request.citations:
        return [text_block(" ".join(sentence for sentence, _ in chosen))]
    blocks: list[Block] = []
    for sentence, place in chosen:
        blocks += [text_block(" ")] if blocks else []
        blocks.append(text_block(sentence, [citation(place, sentence)]))
    return blocks


def _chosen(request: Request) -> list[tuple[str, Place]]:
    asked = _words(" ".join((request.frame.system, *request.texts)))
    sentences = Corpus.of(request).sentences
    ranked = sorted(range(len(sentences)), key=lambda at: (-len(asked & _words(sentences[at][0])), at))
    return [sentences[at] for at in sorted(ranked[:SENTENCES])]


@lru_cache(maxsize=20_000)
def _words(text: str) -> frozenset[str]:
    return frozenset(WORD.findall(text.lower())) - STOP
