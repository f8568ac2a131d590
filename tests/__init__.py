"""The tests, by how much of the world they need: unit, wire, integration, acceptance."""
