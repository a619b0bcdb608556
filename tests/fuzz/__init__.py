"""Damaged and hostile inputs, by the thousand: ``make fuzz``; a short form runs in the tests."""
