"""Word files that come back from people: opened with care, read as lines."""
