"""The data: contract, CSV layouts, reading, cleaning, splitting, exploration."""
