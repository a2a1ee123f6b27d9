"""How results look in a terminal and in a notebook, and what arguments of the wrong type lead to."""

import html.parser
import pathlib

import pytest
import xen_vman

SECRET = "open-sesame"
HOSTILE = '<script>alert("x")</script>&\u202e\x1b[31m'
HOST = {
    "nfsroot_base": "10.0.0.5:/tank",
    "vms": [
        {"org": "a", "name": "web", "os": {"type": "debian", "version": "12"}, "interfaces": [{"ip": "10.0.0.15/24"}]},
        {
            "org": "a",
            "name": "screen",
            "builder": "hvm",
            "spice": True,
            "spicepasswd": SECRET,
            "spicehost": "127.0.0.1",
            "storage_type": "own",
            "disks": ["phy:/dev/vg/a,xvda,w"],
            "os": {"type": "debian", "version": "12"},
            "interfaces": [{"ip": "10.0.0.16/24"}],
        },
    ],
}
WRONG = {"vms": [{"org": "a", "name": "web", "memory": HOSTILE, "interfaces": []}]}


@pytest.fixture
def results(tmp_path):
    planned = xen_vman.plan(HOST, root=tmp_path)
    return {
        "report": xen_vman.check(WRONG),
        "nothing": xen_vman.check(HOST),
        "rendered": xen_vman.render(HOST),
        "plan": planned,
        "applied": xen_vman.apply(HOST, root=tmp_path),
        "unchanged": xen_vman.plan(HOST, root=tmp_path),
        "status": xen_vman.status(HOST, root=tmp_path),
        "doctor": xen_vman.doctor(HOST, root=tmp_path),
        "generations": xen_vman.generations(root=tmp_path),
        "explain": xen_vman.explain(HOST, "a-web"),
        "graph": xen_vman.graph(HOST, host="dom0"),
        "facts": xen_vman.facts(root=tmp_path),
        "diagnostics": xen_vman.diagnostics(),
        "action": planned.actions[0],
    }


def test_summaries_are_short(results):
    for name in ("report", "nothing", "rendered", "plan", "applied", "unchanged"):
        assert len(repr(results[name])) < 200, repr(results[name])
    actions = len(results["plan"].actions)
    assert repr(results["plan"]).startswith(f"<Plan: {actions} actions (") and str(results["plan"]) == repr(results["plan"])
    assert repr(results["applied"]).startswith(f"<Applied: {actions} actions (")
    assert repr(results["unchanged"]) == "<Plan: 0 actions>"
    files = len(results["rendered"].files)
    assert repr(results["rendered"]).startswith(f"<Rendered: {files} files, 1 guest")
    errors = len(results["report"].errors)
    assert f"<Report: {errors} errors" in repr(results["report"])
    assert repr(xen_vman.Report()) == "<Report: no problems>"
    # All of the data is there.
    assert len(results["plan"].to_dict()["actions"]) == actions


class Checker(html.parser.HTMLParser):
    """Checks that every element is known and closed."""

    def __init__(self):
        super().__init__()
        self.open, self.words = [], []

    def handle_starttag(self, tag, attrs):
        assert tag in ("table", "thead", "tbody", "tr", "th", "td", "p", "details", "summary", "pre") and not attrs, (tag, attrs)
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def words_of(markup):
    checker = Checker()
    checker.feed(markup)
    checker.close()
    assert checker.open == []
    return "".join(checker.words)


def test_notebooks_show_tables_without_passwords(results):
    shown = {name: words_of(result._repr_html_()) for name, result in results.items()}
    assert not any(SECRET in text for text in shown.values())
    assert "/etc/xen/vms/a-web.cfg" in shown["plan"] and "a-web.cfg" in shown["rendered"] and "a-web" in shown["status"]
    assert "+name = \"a-web\"" in shown["plan"], "diffs can be opened"
    assert "memory" in shown["report"] and "memory" in shown["explain"] and "bad-mac" in shown["diagnostics"]


def test_hostile_text_is_escaped(results):
    for result in (results["report"], xen_vman.Finding(*[HOSTILE] * 4), xen_vman.Report((xen_vman.Diagnostic(*[HOSTILE] * 4),))):
        markup = result._repr_html_()
        assert "<script" not in markup and "\u202e" not in markup and "\x1b" not in markup
        assert "<script>alert(" in words_of(markup)


def test_a_graph_connects_vms_with_what_they_use(results):
    found = results["graph"]
    ids = {node.id for node in found.nodes}
    assert all({edge.source, edge.target} <= ids for edge in found.edges)
    assert {node.label[0] for node in found.nodes if node.kind == "vm"} == {"a-web", "a-screen"}
    assert found.dot.startswith("digraph") and "a-web" in found.dot and "a-web" in found.mermaid
    assert found._repr_mimebundle_()["text/vnd.mermaid"] == found.mermaid
    with pytest.raises(xen_vman.DefinitionError):
        xen_vman.graph(WRONG)


def test_lists_of_results_are_lists(results):
    assert isinstance(results["status"], list) and results["status"] == list(results["status"])


DEFINITION = "a definition must be a dict, a pathlib.Path, a xen_vman.Text, or a list of these, not "
MISTAKES = {
    "none": (lambda root: xen_vman.check(None), DEFINITION + "None"),
    "number": (lambda root: xen_vman.render(5), DEFINITION + "int"),
    "part": (lambda root: xen_vman.check([{}, 5]), "each part of a definition must be a dict, a pathlib.Path or a xen_vman.Text, not int"),
    "value": (lambda root: xen_vman.check({"vms": object()}), "cannot contain a value of type object, only dicts, lists"),
    "text": (lambda root: xen_vman.Text(b"x"), "text must be a string, not bytes"),
    "facts": (lambda root: xen_vman.check({}, facts=5), "facts must be a dict, a path or a xen_vman.HostFacts, not int"),
    "scripts": (lambda root: xen_vman.check({}, scripts=5), "scripts must be a directory, or a dict of contents by path, not int"),
    "script": (lambda root: xen_vman.check({}, scripts={"a": "x"}), r"scripts\['a'\] must be bytes, not str"),
    "templates": (lambda root: xen_vman.render({}, templates=5), "templates must be a directory, or a dict of templates by name, not int"),
    "template": (lambda root: xen_vman.render({}, templates={"a": 5}), r"templates\['a'\] must be a string, not int"),
    "allow": (lambda root: xen_vman.check({}, allow="bad-mac"), "allow must be a list of ids of diagnostics, not str"),
    "strict": (lambda root: xen_vman.check({}, strict="no"), "strict must be True or False, not str"),
    "root": (lambda root: xen_vman.facts(root=5), "root must be a string or a pathlib.Path, not int"),
    "prune": (lambda root: xen_vman.plan({}, root=root, prune=None), "prune must be True, False, or a list of VMs, not None"),
    "pruned": (lambda root: xen_vman.plan({}, root=root, prune=[1]), "each item of prune must be a string, not int"),
    "plan": (lambda root: xen_vman.apply({}, root=root, plan=5), "plan must be a xen_vman.Plan or None, not int"),
    "progress": (lambda root: xen_vman.apply({}, root=root, progress=5), "progress must be a function of one dict, or None, not int"),
    "preflight": (lambda root: xen_vman.apply({}, root=root, preflight="no"), "preflight must be True or False, not str"),
    "vm": (lambda root: xen_vman.explain({}, 5), "vm must be a string or None, not int"),
    "to": (lambda root: xen_vman.rollback(root=root, to="1"), "to must be the number of a generation or None, not str"),
    "file": (lambda root: xen_vman.import_xl_cfg(None), "each file must be a string or a pathlib.Path, not None"),
    "addresses": (lambda root: xen_vman.vif_p2p("10.0.0.1", "vif1.0", "10.0.0.2"), "addresses must be a list of IP addresses, not str"),
    "target": (lambda root: xen_vman.convert({}, None), "to must be a string, not None"),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_arguments_of_the_wrong_type_say_what_is_accepted(mistake, tmp_path):
    call, message = mistake
    with pytest.raises(TypeError, match=message):
        call(tmp_path)
    assert list(pathlib.Path(tmp_path).iterdir()) == []
