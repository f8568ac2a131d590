"""How many examples property tests try: usually 200, in the long form (`--hypothesis-profile long`) 5,000.

Where only the lines count that a test comes by (`make check`), a few are enough, and always the same.
"""

from hypothesis import settings

USUAL, LONG, FEW = 200, 5_000, 20


def register() -> None:
    """Make both known; the usual one holds unless the command line says otherwise."""
    settings.register_profile("usual", max_examples=USUAL, deadline=None)
    settings.register_profile("long", max_examples=LONG, deadline=None, print_blob=True)
    settings.register_profile("few", max_examples=FEW, deadline=None, derandomize=True, database=None)
    settings.load_profile("usual")


def examples(count: int) -> settings:
    """For a test whose examples are dear: so many usually, and in the long form as many times more as others."""
    default = settings.default
    return settings(max_examples=max(1, count * (default.max_examples if default else USUAL) // USUAL), deadline=None)
