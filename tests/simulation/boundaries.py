"""Every place at which a crash can fall between the connector and the outside world.

The crash matrix fails when the connector does something that has no name here, or no longer does what has one.
"""

#: In both deliveries.
SHARED = (
    "GET /annotations",
    "GET /auth/user",
    "GET /documents",
    "GET /queues/N/export",
    "GET /tasks/N",
    "POST /hooks/rossum",
    "POST /uploads",
    "answer to GET /annotations",
    "answer to GET /auth/user",
    "answer to GET /documents",
    "answer to GET /queues/N/export",
    "answer to GET /tasks/N",
    "answer to POST /hooks/rossum",
    "answer to POST /uploads",
    "body of an upload",
    "closing boundary of an upload",
    "commit offsets",
    "consume arrived",
    "consume copy",
    "consume work",
    "heartbeat",
    "join the group",
    "look at the broker",
    "look up copy",
    "look up row",
    "read committed offsets",
    "read offsets with their stamps",
    "read where a partition begins",
    "read where a partition ends",
    "send annotation row",
    "send captured event",
    "send copy",
    "send dead letter",
    "send event",
    "send header row",
    "send import accepted row",
    "send import completed row",
    "send import failed row",
    "send import intent row",
    "send linked",
    "send markseen",
    "send ready event",
    "send sweep hint",
    "send sweep row",
    "send swept",
    "send webhook hint",
    "trim",
)
#: Of transactions.
EXACTLY_ONCE = (
    "add offsets to a transaction",
    "commit annotation",
    "commit header",
    "commit import accepted",
    "commit import completed",
    "commit import failed",
    "commit import intent",
    "commit offsets alone",
    "commit sweep",
    "take a partition over",
)
#: Of claims.
AT_LEAST_ONCE = ("send claim row", "send removed row")
#: Of documents that go up together, beside those that are no different then.
GATHERING = (
    "POST /uploads",
    "answer to POST /uploads",
    "body of an upload",
    "closing boundary of an upload",
    "commit gather accepted",
    "commit gather intent",
    "commit gather unknown",
    "commit gather void",
    "commit import accepted",
    "commit import intent",
    "send gather accepted row",
    "send gather intent row",
    "send gather unknown row",
    "send gather void row",
)
#: Of rows that are forgotten, likewise.
FORGETTING = (
    "commit floor",
    "commit removed",
    "list topics",
    "read where a partition begins",
    "send floor row",
    "send removed row",
)
#: Of states on disk, likewise: behind the log when a crash falls between a commit and its rows on disk.
ON_DISK = (
    "commit annotation",
    "commit import intent",
    "fill the local state",
    "flush the local state",
    "open the local state",
    "write to the local state",
)
#: Of states that are ahead of the log after each crash.
AHEAD = (
    "fill the local state",
    "flush the local state",
    "open the local state",
    "write to the local state",
)
BOUNDARIES = {
    "exactly-once": frozenset(SHARED + EXACTLY_ONCE),
    "at-least-once": frozenset(SHARED + AT_LEAST_ONCE),
    "gathering": frozenset(GATHERING),
    "forgetting": frozenset(FORGETTING),
    "on disk": frozenset(ON_DISK),
    "ahead of the log": frozenset(AHEAD),
}
