"""The arithmetic of wall clocks, zones and instants. Pure integers; no text is read here."""
