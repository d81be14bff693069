"""Who acts: staff, firm users and machines; roles, scopes, sessions, tokens."""
