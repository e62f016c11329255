"""The portable candidacy: what a company knows of itself → DC1, DC2, DUME and data, for any platform."""
