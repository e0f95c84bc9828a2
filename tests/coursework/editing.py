"""Wrong answers that differ from a right one in a place or two."""


def changed(text, old, new):
    """Put something else in a place of an answer; the place must be there, for else the answer would still be right."""
    assert old in text, old
    return text.replace(old, new)


def edits(text, *cases):
    """Return wrong answers with their labels: each case is a label, what stands in the text, and what does instead."""
    return [(label, changed(text, old, new)) for label, old, new in cases]
