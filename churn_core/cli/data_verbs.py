"""Verbs about data: import, quality, define."""
