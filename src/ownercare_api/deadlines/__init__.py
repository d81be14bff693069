"""Deadlines: the working calendar, the clocks that run on it, holds and escalation."""
