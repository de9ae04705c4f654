import base64
import io

import pypdf
import pytest

from tests.simulator.support import STRING, closed, drawn, error, pdf_block, request, run, text_document

OLD = {"extra_headers": {"anthropic-version": "2023-06-01"}}
HELLO = {"role": "user", "content": "Hello"}


def form(schema, **more):
    return {"output_config": {"format": {"type": "json_schema", "schema": schema}, **more}}


def user(*blocks):
    return {"messages": [{"role": "user", "content": list(blocks)}]}


KEPT = {"type": "ephemeral"}


def kept(text, ttl=None):
    return {"type": "text", "text": text, "cache_control": {**KEPT, "ttl": ttl} if ttl else KEPT}


def encrypted():
    writer = pypdf.PdfWriter(io.BytesIO(drawn((50, 800, "Secret"))))
    writer.encrypt("password", algorithm="RC4-128")
    stream = io.BytesIO()
    writer.write(stream)
    return stream.getvalue()


RECURSIVE = {**closed(child={"$ref": "#/$defs/Node"}), "$defs": {"Node": closed(child={"$ref": "#/$defs/Node"})}}
OPTIONAL = {**closed(**{f"f{n}": STRING for n in range(25)}), "required": []}
UNIONS = closed(**{f"f{n}": {"anyOf": [STRING, {"type": "null"}]} for n in range(17)})
TOOL = {"name": "t", "input_schema": {"type": "object"}}
BROKEN = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf",
          "data": base64.b64encode(b"%PDF-1.4 nothing").decode()}}  # fmt: skip

REFUSED = [
    ("unknown model", {"model": "claude-none"}, "model: claude-none"),
    ("retired model", {"model": "claude-3-haiku-20240307"}, "model: claude-3-haiku"),
    ("no max_tokens", {"max_tokens": None}, "max_tokens: Field required"),
    ("negative max_tokens", {"max_tokens": -1}, "greater than or equal to 1"),
    (
        "max_tokens too large",
        {"max_tokens": 100_000},
        "max_tokens: 100000 > 64000, which is the maximum allowed number of output tokens for claude-haiku-4-5-2025",
    ),
    ("temperature", {"temperature": 1}, "temperature: Extra inputs are not permitted"),
    ("top_p", {"top_p": 0.5}, "top_p: Extra inputs are not permitted"),
    ("top_k", {"top_k": 5}, "top_k: Extra inputs are not permitted"),
    ("stream", {"stream": True}, "stream"),
    (
        "five breakpoints",
        {"system": [kept("a"), kept("b")], **user(kept("c"), kept("d"), kept("e"))},
        "A maximum of 4 blocks with cache_control may be provided. Found 5.",
    ),
    (
        "four breakpoints and one for all",
        {"cache_control": KEPT, **user(kept("c"), kept("d"), kept("e"), kept("f"))},
        "A maximum of 4 blocks with cache_control may be provided. Found 5.",
    ),
    ("an hour behind five minutes", {"system": [kept("a")], **user(kept("b", "1h"))}, "must not come after a ttl='5m'"),
    ("breakpoint for a day", {"system": [kept("a", "24h")]}, "Input should be '5m' or '1h'"),
    ("breakpoint of another kind", {"cache_control": {"type": "lasting"}}, "Input should be 'ephemeral'"),
    ("speed", {"speed": "fast"}, "speed"),
    ("fallbacks", {"fallbacks": []}, "fallbacks"),
    ("unknown parameter", {"frequency": 1}, "frequency: Extra inputs are not permitted"),
    ("output_format", {"output_format": {}}, "Use 'output_config.format' instead."),
    ("adaptive", {"thinking": {"type": "adaptive"}}, "adaptive thinking is not supported on this model"),
    (
        "disabled",
        {"model": "claude-opus-5-5", "thinking": {"type": "disabled"}},
        '"thinking.type.disabled" is not supported',
    ),
    (
        "enabled",
        {"model": "claude-sonnet-5", "thinking": {"type": "enabled", "budget_tokens": 2000}},
        '"thinking.type.enabled" is not supported for this model.',
    ),
    (
        "disabled at high effort",
        {"model": "claude-opus-5", "thinking": {"type": "disabled"}, "output_config": {"effort": "max"}},
        "effort max",
    ),
    ("between_tools", {"thinking": {"type": "between_tools"}}, "between_tools"),
    ("unheard-of thinking", {"thinking": {"type": "deep"}}, "thinking.type"),
    ("small budget", {"thinking": {"type": "enabled", "budget_tokens": 10}}, "1024"),
    ("large budget", {"thinking": {"type": "enabled", "budget_tokens": 4096}}, "max_tokens"),
    ("effort", {"output_config": {"effort": "low"}}, "effort"),
    ("unheard-of effort", {"model": "claude-opus-5", "output_config": {"effort": "some"}}, "effort"),
    ("geo", {"inference_geo": "us"}, "inference_geo"),
    ("no messages", {"messages": None}, "messages: Field required"),
    ("empty messages", {"messages": []}, "at least one message"),
    ("no message", {"messages": ["Hello"]}, "messages.0"),
    ("system role", {"messages": [{"role": "system", "content": "x"}, HELLO]}, 'Unexpected role "system"'),
    ("unknown role", {"messages": [{"role": "tool", "content": "x"}]}, "messages.0.role"),
    ("empty content", {"messages": [{"role": "user", "content": ""}]}, "non-empty content"),
    ("empty text", user({"type": "text", "text": ""}), "non-empty"),
    ("unknown block", user({"type": "poem"}), "poem"),
    ("bad system", {"system": 3}, "system"),
    (
        "prefill",
        {"model": "claude-opus-4-6", "messages": [HELLO, {"role": "assistant", "content": "{"}]},
        "This model does not support assistant message prefill. The conversation must end with a user message.",
    ),
    ("citations of a user", user({"type": "text", "text": "x", "citations": [{}]}), "citations"),
    ("document of an assistant", {"messages": [HELLO, {"role": "assistant", "content": [text_document("x")]}, HELLO]},
     "assistant"),
    ("mixed citations", user(text_document("x"), text_document("y", cited=False)), "same for all documents"),
    ("citations and format", user(text_document("x")) | form(closed(a=STRING)), "citations"),
    ("bad format", {"output_config": {"format": {"type": "xml"}}}, "json_schema"),
    ("invalid PDF", user(BROKEN), "messages.0.content.0.pdf.source.base64.data: The PDF specified was not valid."),
    ("no PDF", user(pdf_block(b"hello")), "The PDF specified was not valid."),
    ("encrypted PDF", user(pdf_block(encrypted())), "The PDF specified is password protected"),
    ("too many pages", user(pdf_block(drawn((50, 800, "x"), pages=101))), "A maximum of 100 PDF pages may be provided"),
    ("url source", user({"type": "document", "source": {"type": "url", "url": "http://x"}}), "url"),
    ("no source", user({"type": "document"}), "source"),
    ("unknown source", user({"type": "document", "source": {"type": "tape"}}), "source.type"),
    ("bad base64", user({"type": "document", "source": {**BROKEN["source"], "data": "%"}}), "base64"),
    ("bad media type", user({"type": "document", "source": {"type": "base64", "media_type": "x/y", "data": "eA=="}}),
     "media_type"),
    ("recursive", form(RECURSIVE), "ecursive"),
    ("25 optional", form(OPTIONAL), "25"),
    ("17 unions", form(UNIONS), "17"),
    ("open object", form({"type": "object", "properties": {}}), "additionalProperties"),
    ("bounds", form(closed(a={"type": "integer", "minimum": 1})), "minimum"),
    ("lengths", form(closed(a={"type": "string", "maxLength": 1})), "maxLength"),
    ("items", form(closed(a={"type": "array", "items": STRING, "minItems": 2})), "minItems"),
    ("format", form(closed(a={"type": "string", "format": "colour"})), "colour"),
    ("pattern", form(closed(a={"type": "string", "pattern": r"(?=x)"})), "Pattern"),
    ("enum", form(closed(a={"enum": [{"x": 1}]})), "enum"),
    ("external", form(closed(a={"$ref": "http://x/y"})), "External"),
    ("lost reference", form(closed(a={"$ref": "#/$defs/X"})), "resolved"),
    ("forced tool", {"model": "claude-opus-5-5", "tools": [TOOL], "tool_choice": {"type": "any"}}, "tool_choice"),
    ("forced without tools", {"tool_choice": {"type": "any"}}, "tool_choice"),
    ("unknown choice", {"tool_choice": {"type": "may"}}, "tool_choice.type"),
    ("strict tool", {"tools": [{**TOOL, "strict": True}]}, "additionalProperties"),
]  # fmt: skip


@pytest.fixture(scope="module")
def refused(request):
    """One message batch of all that is refused: each item fails alone."""
    import anthropic

    from batchata.simulator import Simulator

    items = [
        {"custom_id": f"i{n}", "params": globals()["request"](**params)} for n, (_, params, _) in enumerate(REFUSED)
    ]
    with Simulator() as url, anthropic.Anthropic(api_key="key", base_url=url) as client:
        yield run(client, *items)


@pytest.mark.parametrize("number", range(len(REFUSED)), ids=[row[0] for row in REFUSED])
def test_a_wrong_item_becomes_an_errored_line(refused, number):
    result = refused[f"i{number}"]
    assert result["type"] == "errored", result
    outer = result["error"]
    assert (outer["type"], "request_id" in outer) == ("error", True)
    kind = "not_found_error" if "model" in REFUSED[number][0].split()[1:] else "invalid_request_error"
    assert outer["error"]["type"] == kind
    assert REFUSED[number][2] in outer["error"]["message"]
    if kind == "invalid_request_error":
        assert outer["error"]["details"] == {"error_visibility": "user_facing"}


ACCEPTED = [
    ("alias", {}, {}),
    ("temperature on an older model and version", {"temperature": 0.2}, OLD),
    ("prefill", {"messages": [HELLO, {"role": "assistant", "content": "{"}]}, {}),
    ("thinking budget", {"thinking": {"type": "enabled", "budget_tokens": 1024}}, {}),
    ("long output", {"model": "claude-opus-5", "max_tokens": 300_000},
     {"extra_headers": {"anthropic-beta": "output-300k-2026-03-24"}}),
    ("24 optional", form({**closed(**{f"f{n}": STRING for n in range(24)}), "required": []}), {}),
    ("16 unions", form(closed(**{f"f{n}": {"anyOf": [STRING, {"type": "null"}]} for n in range(16)})), {}),
    ("101 pages", user(pdf_block(drawn((50, 800, "x"), pages=101))) | {"model": "claude-sonnet-5"}, {}),
    ("old citations", user({"type": "text", "text": "x", "citations": [{}]}), OLD),
    ("geo", {"model": "claude-opus-5", "inference_geo": "us"}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("params", "options"), [row[1:] for row in ACCEPTED], ids=[row[0] for row in ACCEPTED])
def test_what_the_api_takes_succeeds(client, params, options):
    result = run(client, {"custom_id": "a", "params": request(**params)}, **options)["a"]
    assert result["type"] == "succeeded", result


def test_newer_models_refuse_sampling_under_the_older_version_too(client):
    refusal = error(client, request(model="claude-opus-5", temperature=0.2), **OLD)
    assert "temperature" in refusal["message"]
