"""Approval chains over amounts; knows no subject type."""
