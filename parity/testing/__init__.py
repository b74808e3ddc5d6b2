"""In the tests of a trainer: two recordings that must be the same, and probe files as tests.

    from parity.testing import assert_identical

    def test_the_trainer_takes_the_same_steps_as_before(tmp_path):
        train(tmp_path / "log.jsonl")
        assert_identical("tests/log.jsonl", tmp_path / "log.jsonl")

`parity.testing.plugin` makes pytest collect probe files, if `parity_probes` names their folders.
"""

from parity.testing.assertions import assert_identical, assert_within

__all__ = ["assert_identical", "assert_within"]
