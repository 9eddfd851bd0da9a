"""The record of what was asked and answered: events, the Merkle tree over them, and signed checkpoints of the tree."""
