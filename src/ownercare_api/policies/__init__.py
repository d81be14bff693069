"""Versioned policy values: every number and every blank of the rulebook."""
