"""Tests of the rehearsal: its parts, and some weeks of a real year."""
