"""The simulator's own books, read and steered over HTTP: what was really created, processed and billed."""

import json
from collections import Counter
from decimal import Decimal
from urllib.request import ProxyHandler, Request, build_opener

from batchata.core.rates import rates_of

HEADERS = {"x-api-key": "books", "anthropic-version": "2023-06-01", "content-type": "application/json"}
_open = build_opener(ProxyHandler({})).open


class Books:
    """The books of the simulator at `url`."""

    def __init__(self, url):
        self.url = url

    def state(self):
        return json.loads(self._call("/_simulator/state"))

    def order(self, **faults):
        """Faults, as `Faults.apply` takes them."""
        if faults:
            self._call("/_simulator/faults", faults)

    def advance(self, seconds):
        self._call("/_simulator/advance", {"seconds": seconds})

    def create(self, requests):
        """A message batch of somebody else; its id."""
        return json.loads(self._call("/v1/messages/batches", {"requests": requests}))["id"]

    def close(self):
        """No more faults, every message batch ends, and all are looked at: only then is the last one billed."""
        self.order(clear=True)
        self.advance(3_600)
        return [each["id"] for each in self._listed()]

    def lines(self, batch_id):
        return [json.loads(line) for line in self._call(f"/v1/messages/batches/{batch_id}/results").splitlines()]

    def bill(self, batch_ids, *, rates=None):
        """What these message batches cost by the usage of their results: half of the list price."""
        total = Decimal(0)
        for line in (line for batch_id in batch_ids for line in self.lines(batch_id)):
            if line["result"]["type"] == "succeeded":
                message = line["result"]["message"]
                usage, each = message["usage"], rates or rates_of(message["model"])
                total += usage["input_tokens"] * each.input + usage["output_tokens"] * each.output
        return total / 2 / 1_000_000

    def billed(self, batch_ids):
        """How often each custom_id of these message batches was billed."""
        lines = (line for batch_id in batch_ids for line in self.lines(batch_id))
        return Counter(line["custom_id"] for line in lines if line["result"]["type"] == "succeeded")

    def billed_twice(self):
        """Items that were billed more than once, by their content: the same params, whatever they were called."""
        return {content: times for content, times in self.state()["billed"].items() if times > 1}

    def _listed(self):
        after = ""
        while True:
            page = json.loads(self._call(f"/v1/messages/batches?limit=100{after}"))
            yield from page["data"]
            if not page["has_more"]:
                return
            after = f"&after_id={page['data'][-1]['id']}"

    def _call(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        with _open(Request(self.url + path, data=data, headers=HEADERS), timeout=30) as answer:  # noqa: S310 - our own
            return answer.read()
