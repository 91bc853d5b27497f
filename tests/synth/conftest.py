"""One small corpus with a video of every variant, made once."""

import pytest

from synth.dataset import make_corpus
from tests.conftest import FREE_BODY
from tests.synth.small_corpus import SPEC, SmallCorpus


@pytest.fixture(scope="session")
def small_corpus(tmp_path_factory):
    """`SPEC`, made in this process; not to be written to."""
    out = tmp_path_factory.mktemp("synth") / "corpus"
    status = make_corpus(str(out), SPEC, str(FREE_BODY), num_processes=1)
    return SmallCorpus(out, status)
