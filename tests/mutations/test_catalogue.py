"""Every mutation still applies, and the test that it names exists; whether that test fails is for `make mutations`."""

import dataclasses

import pytest

from tests.mutations.catalogue import MUTATIONS
from tests.mutations.mutation import MutationError, find_source, find_tests

MUTATION = MUTATIONS[0]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.behaviour)
def test_it_applies_exactly_once_and_leaves_python(mutation):
    source = find_source(mutation)
    mutated = source.read_text().replace(mutation.fragment, mutation.replacement)
    assert mutation.fragment != mutation.replacement
    if source.suffix == ".py":
        compile(mutated, str(source), "exec")


def test_every_test_that_is_named_exists():
    find_tests(mutation.test for mutation in MUTATIONS)


@pytest.mark.parametrize("fragment", ["no such text", "import"])
def test_a_fragment_that_is_nowhere_or_several_times_is_an_error(fragment):
    with pytest.raises(MutationError, match="exactly once"):
        find_source(dataclasses.replace(MUTATION, fragment=fragment))


def test_a_test_that_is_missing_is_an_error():
    with pytest.raises(MutationError, match="no test is named test_that_nobody_wrote"):
        find_tests(["test_" + "that_nobody_wrote"])
