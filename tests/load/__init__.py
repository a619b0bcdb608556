"""Eight hours of work in miniature: ``make load``."""
