"""Kills, full disks and other misfortunes, on purpose: ``make faults``; a short form runs in the tests."""
