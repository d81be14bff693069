"""Firms, construction contracts and their warranty terms, repair teams and workers."""
