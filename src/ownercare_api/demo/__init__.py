"""Seeded, fictitious people and firms for the demonstration data set."""
