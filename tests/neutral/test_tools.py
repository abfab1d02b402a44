from __future__ import annotations

import pytest

from argo_relay.neutral.tools import CustomTool, FunctionTool, HostedTool, Tool, find_tool, flat_name, wire_name

PLAIN = FunctionTool(name="read")
GROUPED = FunctionTool(name="read", namespace="files")
CUSTOM = CustomTool(name="patch", namespace="files")
HOSTED = HostedTool(dialect="anthropic", payload={"name": "web_search"})


@pytest.mark.parametrize(
    ("name", "namespace", "flat"), [("read", None, "read"), ("read", "", "read"), ("read", "files", "files__read")]
)
def test_a_group_becomes_part_of_the_name(name: str, namespace: str | None, flat: str) -> None:
    assert flat_name(name, namespace) == flat
    assert wire_name(FunctionTool(name=name, namespace=namespace)) == flat


@pytest.mark.parametrize(
    ("tools", "called", "found"),
    [
        ((PLAIN,), "read", PLAIN),
        ((GROUPED, PLAIN), "read", PLAIN),
        ((PLAIN, GROUPED), "files__read", GROUPED),
        ((GROUPED,), "read", GROUPED),
        ((GROUPED, CUSTOM), "files__patch", CUSTOM),
        ((HOSTED,), "web_search", None),
        ((PLAIN,), "write", None),
        ((), "read", None),
    ],
)
def test_a_called_tool_is_found_by_its_wire_name_then_by_its_own(
    tools: tuple[Tool, ...], called: str, found: Tool | None
) -> None:
    assert find_tool(tools, called) == found


def test_a_tool_of_the_clients_own_that_is_called_like_a_group_wins() -> None:
    whole = FunctionTool(name="files__read")
    assert find_tool((whole, GROUPED), "files__read") is whole
