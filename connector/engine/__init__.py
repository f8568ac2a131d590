"""The owner of one work partition: take messages, decide, run effects, commit one outcome."""
