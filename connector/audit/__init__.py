"""The independent check: ledger, public topics and Rossum against each other."""
