"""What the orders API asks of a request, and no JSON Schema says. Only cases that are meant to be good are changed."""

import json
import os
import zlib
from urllib.parse import unquote

import schemathesis
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.meta import TestPhase

# What an order has to say of whose it is, a page's cursor, and by operation the IDs of what is there.
KNOWN = json.loads(os.environ["FUZZ_KNOWN"])
MAX_TOTAL = 99_999_999
MAX_NUMBER = 2**53 - 1


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.meta is None or not is_good(case):
        return
    operation = case.operation.definition.raw["operationId"]
    # By the case itself, so that the same seed makes the same requests.
    key = case.headers.get("idempotency-key")
    choice = zlib.crc32(repr((case.path_parameters, case.query, case.body, key)).encode())
    if operation in KNOWN["ids"]:
        case.path_parameters["id"] = known_id(case, choice, KNOWN["ids"][operation])
    if key is not None and choice % 8 > 0:
        # The shortest keys are drawn again and again, and come with another request each time: mostly a 422.
        case.headers["idempotency-key"] = f"key-{choice}"
    if operation == "placeOrder":
        case.body = placeable(case.body)
    if operation == "listOrders" and "cursor" in case.query:
        # A cursor is what a page gave, and good for the same filters alone.
        case.query = {"cursor": KNOWN["cursor"]}
    if operation in ("sendEvent", "receiveSnsMessage"):
        case.body = readable(case.body)


@schemathesis.hook
def filter_case(context, case):
    """White space around a header's value is no part of it (RFC 9110, 5.5): a key that is bad by it alone arrives good."""
    key = (case.headers or {}).get("idempotency-key")
    return not isinstance(key, str) or key == key.strip(" \t\r\n")


def is_good(case):
    meta = case.meta
    if meta.generation.mode.is_positive and meta.phase.name in (TestPhase.FUZZING, TestPhase.STATEFUL):
        # What Schemathesis takes from an answer it takes for good, such as a `reason` that is null. This makes it look
        # again: a body that the schema does not allow has to be refused, as in any bad case.
        if ParameterLocation.BODY in meta.components:
            meta.mark_dirty(ParameterLocation.BODY)
    return case.meta.generation.mode.is_positive


def known_id(case, choice, ids):
    """Three of four random IDs become one of something that is there: all others would be a 404."""
    given = case.path_parameters["id"]
    if case.meta.phase.name == TestPhase.STATEFUL:
        # It is from an answer; but of an order Schemathesis also takes `orderId`, which is only a part of the ID.
        return given if "/orders/" not in case.path or ":" in unquote(str(given)) else ids[0]
    return ids[choice // 4 % len(ids)] if choice % 4 > 0 else given


def placeable(body):
    """Staff say whose order it is; and the total is bounded, not only each line."""
    lines = body["lines"]
    if sum(line["amount"] for line in lines) > MAX_TOTAL:
        lines = [{**line, "amount": line["amount"] // len(lines)} for line in lines]
    return {**KNOWN["whose"], **body, "lines": lines}


def readable(value):
    """JSON may have numbers that JavaScript misreads. A schema of all JSON that has none is beyond Schemathesis."""
    if isinstance(value, dict):
        return {key: readable(each) for key, each in value.items() if key != "__proto__"}
    if isinstance(value, list):
        return [readable(each) for each in value]
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return 0 if is_number and abs(value) > MAX_NUMBER else value
