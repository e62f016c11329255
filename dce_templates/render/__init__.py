"""Blocks → files. Each renderer reads the same blocks and adds no word but page numbers and the table of contents."""
