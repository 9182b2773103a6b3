"""What the Streamlit pages share: cached calls into the core and reusable blocks."""
