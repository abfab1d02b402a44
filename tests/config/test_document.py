from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from argo_relay.config.document import Items, Leaf, Members, Node, Refused, read_document
from argo_relay.config.kinds import plain


@pytest.fixture(params=["libyaml", "python"], autouse=True)
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "python":
        monkeypatch.delattr(yaml, "CSafeLoader")
    return str(request.param)


def bare(node: Node | None) -> object:
    """The tree as plain Python values."""
    if isinstance(node, Members):
        return {name: bare(member) for name, (_, member) in node.members.items()}
    if isinstance(node, Items):
        return [bare(item) for item in node.items]
    return node.value if isinstance(node, Leaf) else node


def faults(text: str) -> list[tuple[int, str]]:
    return read_document(text)[1]


def test_a_tree_keeps_its_lines() -> None:
    node, wrong = read_document("# first\na: 1\nb:\n  - x\n  - {c: 'no'}\n")
    assert wrong == []
    assert isinstance(node, Members)
    assert {name: line for name, (line, _) in node.members.items()} == {"a": 2, "b": 3}
    items = node.members["b"][1]
    assert isinstance(items, Items)
    assert [item.line for item in items.items] == [4, 5]
    assert bare(node) == {"a": 1, "b": ["x", {"c": "no"}]}


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "---\n", "---\n...\n", "null", "%YAML 1.2\n---\n"])
def test_nothing_is_an_empty_document(text: str) -> None:
    node, wrong = read_document(text)
    assert wrong == []
    assert node is None or bare(node) is None


def test_quoted_and_block_text_is_text() -> None:
    node, _ = read_document("a: '1'\nb: \"no\"\nc: |\n  5\nd: 5\ne: no\nf:\n")
    assert bare(node) == {"a": "1", "b": "no", "c": "5\n", "d": 5, "e": False, "f": None}


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("a: 1\n\tb: 2\n", 2, "a tab stands where YAML wants spaces"),
        ("a:\n\tb: 2\n", 2, "a tab stands where YAML wants spaces"),
        ("a: 1\nb: c: d\n", 2, "mapping values are not allowed"),
        ("a: 1\nb: [1, 2\n", 3, "while parsing a flow sequence that begins on line 2"),
        ("a: 'x\n", 2, "that begins on line 1"),
        ("a: &x 1\nb: *x\n", 2, "aliases (`*...`) are not supported"),
        ("a: 1\n<<: {b: 2}\n", 2, "merge keys (`<<`) are not supported"),
        ("a: 1\nb: !!python/object:os.system x\n", 2, "tags (`!...`) are not supported"),
        ("a: !x [1]\n", 1, "tags (`!...`) are not supported"),
        ("a: 1\n---\nb: 2\n", 2, "a second document begins here"),
        ("a: 1\nb: 2\na: 3\n", 3, "a key stands here again, after line 1"),
        ("? [a]\n: b\n", 1, "a key must be a word, not a list or a mapping"),
        ("? {a: 1}\n: {b: 2}\n", 1, "a key must be a word, not a list or a mapping"),
        ("? *x\n: b\n", 1, "aliases (`*...`) are not supported"),
        ("a: 1\nb: \x07\n", 2, r"the control character '\x07' is not allowed"),
        ("\x00", 1, r"the control character '\x00' is not allowed"),
        ("%YAML 9.9\n---\na: 1\n", 1, "incompatible YAML document"),
        (f"%YAML 1.{'1' * 5000}\n---\na: 1\n", 1, "it is not YAML"),
        ('a: "\\UFFFFFFFF"\n', 1, "it is not YAML"),
        ("a: `x`\n", 1, "it is not YAML"),
        ("a: %x\n", 1, "it is not YAML"),
        ("- a\nb: c\n", 2, "it is not YAML"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, line: int, what: str) -> None:
    ((at, said),) = faults(text)
    # The two parsers put the end of an unclosed collection on different lines.
    assert at == line or (at in {1, line - 1} and "begins on line" in said)
    assert what in said
    assert said.isprintable()


def test_all_that_is_wrong_with_the_form_is_told() -> None:
    assert [line for line, _ in faults("a: *x\nb: !t 1\nb: 2\n<<: {}\n")] == [1, 2, 3, 4]


def test_the_first_of_two_equal_keys_is_kept() -> None:
    node, _ = read_document("a: 1\na: [2, {x: 3}]\nb: 4\n")
    assert bare(node) == {"a": 1, "b": 4}


def test_an_alias_leaves_its_place_unjudged() -> None:
    node, _ = read_document("a: *x\nb: [*x]\n")
    assert bare(node) == {"a": Refused(line=1), "b": [Refused(line=2)]}


def test_aliases_that_multiply_stay_small() -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    node, wrong = read_document("\n".join(rows))
    assert isinstance(node, Members)
    assert len(wrong) == 29 * 9


@pytest.mark.parametrize(
    "text",
    [
        "[" * 10_000,
        "{a: " * 10_000,
        "a: " + "[" * 10_000 + "]" * 10_000,
        "\n".join(" " * depth + "a:" for depth in range(1000)),
        "- " * 10_000,
        "? " * 10_000,
    ],
    ids=["lists", "mappings", "closed", "indented", "dashes", "keys"],
)
def test_nesting_is_refused_and_costs_nothing(text: str) -> None:
    assert any("nested more than 64 levels deep" in what for _, what in faults(text))


def test_sixty_four_levels_are_read() -> None:
    node, wrong = read_document("[" * 64 + "]" * 64)
    assert wrong == []
    for _ in range(63):
        assert isinstance(node, Items)
        (node,) = node.items
    assert bare(node) == []


_yamlish = st.text(st.sampled_from("ab01:-?[]{},#&*!|>'\"%@`~<. \t\n\\x\u2028\ufeff\U0001f600")) | st.text()


def test_no_text_raises() -> None:
    # @given stands inside, so that the fixture holds for all of its examples.
    @given(_yamlish)
    @settings(deadline=None, max_examples=300)
    def check(text: str) -> None:
        node, wrong = read_document(text)
        assert all(line >= 1 and what for line, what in wrong)
        assert wrong or node is None or bare(node) != Refused(line=1)

    check()


_bare = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    members = [*value.keys(), *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else ()
    for member in members:
        yield from texts(member)


def test_what_yaml_writes_is_read_as_it_was() -> None:
    @given(_bare)
    @settings(deadline=None)
    def check(value: object) -> None:
        for flow in (True, False):
            text = yaml.safe_dump(value, default_flow_style=flow, allow_unicode=False, sort_keys=False)
            if "? " in text or "&" in text:  # long keys may be written in YAML's other form; equal lists as aliases
                continue
            node, wrong = read_document(text)
            assert wrong == []
            # `0E0` is a text in the YAML that is written here, and a number in the one that people know.
            assert bare(node) == value or any(plain(word) != word for word in texts(value))

    check()


@pytest.mark.parametrize("name", ["*", "*-mini", "*a"])
def test_a_pattern_without_quotes_is_told_to_take_some(name: str) -> None:
    _, faults = read_document(f"routes:\n  {name}: [main]\n")
    assert faults[0][0] == 2
    assert faults[0][1].endswith("put a name that begins with `*` into quotes")
