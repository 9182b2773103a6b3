"""Experiments on customers: who gets what, drawn before anybody is contacted, and whether it worked."""
