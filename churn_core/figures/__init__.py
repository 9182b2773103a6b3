"""A result in, a plotly figure out."""
