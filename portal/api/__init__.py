"""The wire dialects: each parses its protocol, calls the core, and answers in its own words."""
