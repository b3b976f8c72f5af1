"""When the same template may go to a number again."""

from pathlib import Path

from harness import many_leads, stage

DAY_S = 86_400.0


def test_same_template_goes_again_after_as_many_days_as_the_setting_says(tmp_path: Path) -> None:
    """RESEND_AFTER_DAYS=3: not within three days, but on the fourth; the memory is longer."""
    harness, simulator, clock = stage(
        tmp_path, leads=many_leads(1), settings={"RESEND_AFTER_DAYS": "3"}
    )
    sent = []
    for _ in range(5):
        assert harness.run("-q").code == 0
        sent.append(len(simulator.messages))
        clock.advance(DAY_S)

    assert sent == [1, 1, 1, 1, 2]
    assert len(harness.history()) == 2


def test_resend_after_more_days_than_are_remembered_is_refused(tmp_path: Path) -> None:
    """It could not be kept."""
    harness, _, _ = stage(tmp_path)
    harness.write_settings(RESEND_AFTER_DAYS="9", HISTORY_DAYS="8")
    assert "RESEND_AFTER_DAYS: 9 is above HISTORY_DAYS, 8" in harness.run().err
