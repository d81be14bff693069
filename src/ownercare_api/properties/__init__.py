"""Companies, projects, buildings, units, building parts, delivery and occupancy."""
