"""What Google Cloud refuses, told apart: rates, which pass; quotas, which do not; what somebody has to put right."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping
from typing import Any

_RATES = {"rateLimitExceeded", "jobRateLimitExceeded", "userRateLimitExceeded", "RATE_LIMIT_EXCEEDED"}
_QUOTAS = {"quotaExceeded", "dailyLimitExceeded"}

_NO_REASONS = (AttributeError, KeyError, TypeError, ValueError, RuntimeError, OSError)
"""What is raised where an error has no answer of the service, none as usual, or one that was read already."""

PASSING = {"backendError", "internalError", "jobBackendError", "jobInternalError", "tableUnavailable"}
"""Reasons of failures of the service itself, some of which come as 400."""

_RATE_TEXT = re.compile(r"exceeded rate limits?|rate ?limit|per (minute|second|100 seconds)", re.IGNORECASE)
_QUOTA_TEXT = re.compile(r"quota ?exceeded|custom quota|exceeded quota", re.IGNORECASE)

_KEPT = re.compile(r"retention|active \S* ?hold|under (a |an )?(\S+ )?hold|ActiveHold", re.IGNORECASE)

_WAYS_OUT = {
    r"drive credentials|globbing file pattern": (
        "it is a sheet or file in Google Drive: share it with the account that runs this, and sign in with the scope "
        "for Drive (docs/promotions.md)"
    ),
    r"insufficient authentication scopes|SCOPE_INSUFFICIENT|insufficientScopes": (
        "the credentials lack an OAuth scope: give them cloud-platform where the machine or the login gets its scopes"
    ),
    (
        r"billingNotEnabled|accountDisabled|UserProjectAccountProblem|billing (has not been|is not|must be) enabled"
        r"|billing account .*(absent|closed|delinquent|disabled|not active|not found)"
    ): "billing is off: link an active billing account to the project",
    r"accessNotConfigured|SERVICE_DISABLED|has not been used in project|has not enabled|API is not enabled": (
        "the service is off in the project: enable its API"
    ),
    r"VPC Service Controls|vpcServiceControls|SECURITY_POLICY_VIOLATED|prohibited by organization's policy": (
        "a service perimeter (VPC Service Controls) keeps it out: have the project or the account let in"
    ),
    r"policyViolation|org(anization)?[ _]?policy|organization's policy|\bconstraints/": (
        "an organisation policy forbids it: ask who looks after the policies"
    ),
    r"different locations|not in the same location|Dataset \S+ was not found in location": (
        "it reaches into another location, or a dataset that is gone: what one query reads has to be in one location"
    ),
    r"without a filter over column": (
        "the table wants a filter of its partitions: switch require_partition_filter off, or name a view that filters"
    ),
    r"does not have permission to query table|or perhaps it does not exist": (
        "a table, or what a view reads, is not there or may not be read (bigquery.tables.getData)"
    ),
}
"""What is found in the text or the reasons of a refusal, and what to do about it; the first that fits counts."""


def reasons_of(error: Any) -> set[str]:
    """Return the reasons that the service gives, in its own words."""
    found = {str(getattr(error, "reason", None))} - {"None"}
    places: tuple[Callable[[], Any], ...] = (lambda: error.errors, lambda: error.response.json()["error"]["errors"])
    for place in places:
        with contextlib.suppress(*_NO_REASONS):
            found |= {str(one["reason"]) for one in place() if isinstance(one, Mapping) and "reason" in one}
    return found


def is_rate_limited(error: Any) -> bool:
    """Return whether the service only wants to be asked more slowly."""
    reasons = reasons_of(error)
    if reasons & (_RATES | _QUOTAS):  # of a job the same comes as 400
        return not reasons & _QUOTAS
    if _status(error) not in (403, 429):
        return False
    return bool(_RATE_TEXT.search(str(error))) or (not is_over_quota(error) and _status(error) == 429)


def is_over_quota(error: Any) -> bool:
    """Return whether a quota is used up, for hours or the day."""
    reasons = reasons_of(error)
    if reasons & (_RATES | _QUOTAS):
        return bool(reasons & _QUOTAS)
    if _status(error) not in (403, 429):
        return False
    return bool(_QUOTA_TEXT.search(str(error))) and not _RATE_TEXT.search(str(error))


def way_out(error: Any) -> str | None:
    """Return what is refused and what to do about it, None if it is nothing of these kinds."""
    said = f"{error} {' '.join(sorted(reasons_of(error)))}"
    return next((line for pattern, line in _WAYS_OUT.items() if re.search(pattern, said, re.IGNORECASE)), None)


def is_kept(error: Any) -> bool:
    """Return whether an object may not be replaced or deleted yet: a retention policy, locked or not, or a hold."""
    said = f"{error} {' '.join(sorted(reasons_of(error)))}"
    return _status(error) == 403 and bool(_KEPT.search(said))


def _status(error: Any) -> int | None:
    found = getattr(error, "code", None)
    if found is None:
        found = getattr(getattr(error, "response", None), "status_code", None)
    return int(found) if isinstance(found, int) else None
