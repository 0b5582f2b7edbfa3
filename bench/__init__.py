"""Measurements of this machine: what the portal's real route reaches, beside the bare disk."""
