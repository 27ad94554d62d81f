"""What is asked, and on what data."""
