"""The names of a run's POSTs and of their messages."""

import re

from lead_automation.campaign.identity import PostNames
from lead_automation.text import mask_numbers

RUN = "20261122T091523-3f9a"


def test_every_post_and_every_message_has_a_name_of_its_own() -> None:
    """A repeated POST too; another run's names are others."""
    names, others = PostNames("spring", RUN), PostNames("spring", "20261122T091523-3f9b")

    posts = [names.next(25) for _ in range(4)] + [others.next(25)]

    message_ids = [message_id for post in posts for message_id in post.message_ids]
    assert [post.broadcast_name for post in posts[:2]] == [f"spring {RUN} 001", f"spring {RUN} 002"]
    assert len({post.broadcast_name for post in posts}) == 5
    assert len(set(message_ids)) == 125


def test_message_id_is_one_that_wati_finds_again_and_nobody_masks() -> None:
    """10 to 64 characters of its alphabet, without a digit that could be part of a number."""
    post = PostNames("spring", RUN).next(100)

    assert all(re.fullmatch(r"[A-Za-z0-9_-]{10,64}", one) for one in post.message_ids)
    assert all(mask_numbers(one) == one for one in post.message_ids)
    assert not re.search(r"[0-9]", "".join(post.message_ids))
