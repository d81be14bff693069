"""How requests become answers: problems, ETags, idempotency, pages, transactions."""
