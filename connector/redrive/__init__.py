"""Dead letters: found, looked at, repaired and sent again."""
