"""Speed as ratios, measured side by side in one run against a named peer or limit."""
