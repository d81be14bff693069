"""What every room needs and no room owns: no domain words in here."""
