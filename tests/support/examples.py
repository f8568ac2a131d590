"""How many examples property tests try: usually 200, in the long form (`--hypothesis-profile long`) 5,000."""

from hypothesis import settings

USUAL, LONG = 200, 5_000


def register() -> None:
    """Make both known; the usual one holds unless the command line says otherwise."""
    settings.register_profile("usual", max_examples=USUAL, deadline=None)
    settings.register_profile("long", max_examples=LONG, deadline=None, print_blob=True)
    settings.load_profile("usual")


def examples(count: int) -> settings:
    """For a test whose examples are dear: so many usually, and in the long form as many times more as others."""
    default = settings.default
    return settings(max_examples=count * (default.max_examples if default else USUAL) // USUAL, deadline=None)
