"""Generators that are work: what they report and what they return."""


def follow(work, stop_at: int | None = None):
    """Reports and result; with ``stop_at`` it is left off after so many, as by who closes the window."""
    reports = []
    while len(reports) != stop_at:
        try:
            reports.append(next(work))
        except StopIteration as end:
            return reports, end.value
    work.close()
    return reports, None
