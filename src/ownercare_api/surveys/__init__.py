"""Questionnaires and their answers."""
