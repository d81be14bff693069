"""Outside systems that talk to us: the 400 call centre."""
