"""The Prefect server as a person's script sees it: through its REST API."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import httpx

ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


class Api:
    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=60, trust_env=False)

    def close(self) -> None:
        self._client.close()

    def get(self, path: str) -> Any:
        return self._answer("GET", path)

    def post(self, path: str, body: Any) -> Any:
        return self._answer("POST", path, json=body)

    def _answer(self, method: str, path: str, **given: Any) -> Any:
        response = self._client.request(method, path, **given)
        assert response.is_success, f"{method} {path}: {response.status_code} {response.text}"
        return response.json() if response.content else None

    def deployment(self, name: str) -> dict[str, Any]:
        """By its name, as in `flow/deployment`."""
        return self.get(f"/deployments/name/{name}")

    def pause_schedules(self) -> None:
        """So that nothing runs but what a test starts."""
        for each in self.post("/deployments/filter", {}):
            self._answer("PATCH", f"/deployments/{each['id']}", json={"paused": True})

    def start(self, deployment: str, parameters: Mapping[str, Any]) -> str:
        """The id of the flow run that workers will now find."""
        found = self.deployment(deployment)
        body = {"parameters": dict(parameters), "state": {"type": "SCHEDULED"}}
        return self.post(f"/deployments/{found['id']}/create_flow_run", body)["id"]

    def run(self, run_id: str) -> dict[str, Any]:
        return self.get(f"/flow_runs/{run_id}")

    def wait_for_worker(self, within: float = 180) -> None:
        """Until a worker has said that it is there."""
        until = time.monotonic() + within
        while not any(each["status"] == "READY" for each in self.post("/work_pools/filter", {})):
            assert time.monotonic() < until, "no worker has come"
            time.sleep(0.2)

    def newest_run(self) -> str:
        """The id of the flow run that was started last."""
        return self.post("/flow_runs/filter", {"sort": "EXPECTED_START_TIME_DESC", "limit": 1})[0]["id"]

    def wait_for(self, run_id: str, *types: str, within: float = 180) -> dict[str, Any]:
        """The flow run, as soon as its state has one of these types. One that ended otherwise is told at once."""
        until = time.monotonic() + within
        while (run := self.run(run_id))["state_type"] not in types:
            told = f"flow run is {run['state']['name']}, not {types}: {run['state']['message']}"
            assert run["state_type"] not in ENDED, told + self._logged(run_id)
            assert time.monotonic() < until, told + self._logged(run_id)
            time.sleep(0.2)
        return run

    def artifacts(self, run_id: str) -> list[dict[str, Any]]:
        """The newest of each key."""
        found = self.post("/artifacts/filter", {"flow_runs": {"id": {"any_": [run_id]}}, "sort": "UPDATED_DESC"})
        newest: dict[str, dict[str, Any]] = {}
        for each in found:
            newest.setdefault(each["key"] or each["id"], each)
        return list(newest.values())

    def logs(self, run_id: str) -> list[str]:
        body = {"logs": {"flow_run_id": {"any_": [run_id]}}, "sort": "TIMESTAMP_ASC", "limit": 200}
        return [each["message"] for each in self.post("/logs/filter", body)]

    def _logged(self, run_id: str) -> str:
        return "".join(f"\n  {line}" for line in self.logs(run_id)[-40:])
