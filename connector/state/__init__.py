"""The state of entities behind one port."""
