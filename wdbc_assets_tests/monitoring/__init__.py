"""What is watched, and how a person is alerted."""
