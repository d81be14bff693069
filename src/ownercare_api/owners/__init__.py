"""Owners, ownership, contacts, consent and change requests (业主)."""
