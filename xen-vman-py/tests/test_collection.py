"""The Ansible collection: what is made from the types, and what Ansible says of the rest."""

import os
import re

import pytest
import xen_vman
import yaml

from collection import COLLECTION, GENERATED, OF_THE_ROLE, ROLE


@pytest.mark.parametrize("path", GENERATED, ids=lambda path: path.name)
def test_what_is_made_from_the_types_is_up_to_date(path):
    text = GENERATED[path]()
    if os.environ.get("UPDATE_DOCS"):
        path.write_text(text)
    assert path.read_text() == text, "UPDATE_DOCS=1 writes it anew"


def test_versions_are_those_of_the_package():
    assert yaml.safe_load((COLLECTION / "galaxy.yml").read_text())["version"] == xen_vman.__version__


def test_variables_of_the_role_are_known_where_they_are_left_out():
    text = (COLLECTION / "plugins" / "plugin_utils" / "definition.py").read_text()
    block = re.search(r"OF_THE_ROLE = frozenset\((.*?)\)", text, re.S)[1]
    assert set(re.findall(r'"(\w+)"', block)) == set(OF_THE_ROLE)
