"""A world with known answers: places, people and cameras, rendered with exact truth."""
