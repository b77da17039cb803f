"""Text vectors: TF-IDF and a truncated singular value decomposition over the descriptions of all of
Debian's packages, as the example data set has them for ten thousand."""

import collections

import numpy as np

from . import debian


def make(archive, rows, queries, say):
    """(base, queries). The decomposition learns from the base only."""
    archive.update()
    example = debian.example()
    packages = example.read_packages(archive.lists)
    texts, siblings = {}, collections.defaultdict(list)
    for name in sorted(packages):
        fields = packages[name]
        siblings[fields["Source"]].append(fields)
        if fields["long"]:
            # Of texts that are word for word the same, the first stays.
            texts.setdefault(" ".join(fields["long"].split()), name)
    names = sorted(texts.values())
    names = [names[place] for place in np.random.default_rng(1).permutation(len(names))]
    say(f"{len(names):,} descriptions")
    words = [
        example.words_of(packages[name], siblings[packages[name]["Source"]])
        for name in names[: rows * 105 // 100 + queries]
    ]
    say("singular value decomposition")
    base, held_out = example.text_vectors(words[queries:], words[:queries])
    # Packages of which the same words are known have the same vector; one stays, in its place. Some
    # in a hundred do, hence a few more above.
    base = base.astype(np.float16)
    _, first = np.unique(base, axis=0, return_index=True)
    return base[np.sort(first)[:rows]], held_out.astype(np.float16)
