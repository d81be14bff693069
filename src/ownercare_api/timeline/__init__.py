"""Append-only events: history, audit, source of everything that tells the outside."""
