"""What is promised about speed and memory, as commands that print figures."""
