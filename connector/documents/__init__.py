"""Fetches a document by reference, within the limits that the operator set."""
