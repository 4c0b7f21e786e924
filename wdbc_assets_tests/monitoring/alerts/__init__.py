"""Tests of the alerts: from what is wrong to a message that a person reads."""
