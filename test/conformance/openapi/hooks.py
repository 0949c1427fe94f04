# SPDX-License-Identifier: Apache-2.0
"""A request for a long text, or for one that nothing bounds, asks for a short one, so that thousands of them end; one for a
context asks for one that every model here has."""
import schemathesis

TOKENS = 2
MOST = 16777216
CONTEXT = 512
MOST_CONTEXT = 1073741824


def bounded(members, name):
    asked = members.get(name)
    whole = isinstance(asked, (int, float)) and not isinstance(asked, bool) and asked == int(asked)
    if asked is None or whole and asked != 0 and asked <= MOST and (asked > 0 or name == "num_predict"):
        return {**members, name: TOKENS}
    return members  # What is no such number is to be refused.


@schemathesis.hook
def before_call(context, case, kwargs):
    body, path = case.body, case.operation.path
    if not isinstance(body, dict):
        return
    if path in ("/v1/completions", "/v1/chat/completions"):
        body = bounded(body, "max_tokens")
        if path == "/v1/chat/completions" and body.get("max_completion_tokens") is not None:
            body = bounded(body, "max_completion_tokens")
    options = body.get("options")
    if path in ("/api/generate", "/api/chat") and (options is None or isinstance(options, dict)):
        options = bounded(options or {}, "num_predict")
        context_wish = options.get("num_ctx")
        if isinstance(context_wish, int) and not isinstance(context_wish, bool) and CONTEXT < context_wish <= MOST_CONTEXT:
            options = {**options, "num_ctx": CONTEXT}
        body = {**body, "options": options}
    case.body = body
