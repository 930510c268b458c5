"""`hookline mcp` as an agent starts it: a process of its own, over stdin and stdout."""

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

from mcp import Client, StdioServerParameters

from tests.moving_in.conftest import Server
from tests.support.installed import Installed
from tests.support.processes import clean_env, command


async def call(client: Client, tool: str, **arguments: Any) -> Any:
    answer = await client.call_tool(tool, arguments)
    text = "".join(getattr(part, "text", "") for part in answer.content)
    assert not answer.is_error, text
    return json.loads(text)


def test_an_agent_makes_a_picture(server: Server) -> None:
    program, *args = command("mcp", "--budget", "5")
    started = StdioServerParameters(command=program, args=args, cwd=server.folder, env=clean_env())
    request = {"kind": "imagine", "prompt": "a paper boat", "then": [{"press": "U1"}]}

    async def story() -> None:
        async with Client(started) as client:
            made = await call(client, "submit_job", request=request, max_price=0)
            job_id = made["jobs"][0]["id"]
            found: dict[str, Any] = {"over": False}
            while not found["over"]:
                found = await call(client, "wait_for_job", job_id=job_id)
            assert [job["status"] for job in found["jobs"]] == ["succeeded", "succeeded"]
            picture = await client.call_tool("show_picture", {"job_id": job_id})
            assert [part.type for part in picture.content] == ["image"]

    asyncio.run(story())


def test_without_the_extra_it_says_how_to_get_it(installed: Installed, tmp_path: Path) -> None:
    done = subprocess.run(
        [str(installed.bin / "hookline"), "mcp"], cwd=tmp_path, env=installed.env,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "hookline[mcp]" in done.stderr
