"""The rules that data must satisfy: one named rule per fact, and what a broken rule reports."""
