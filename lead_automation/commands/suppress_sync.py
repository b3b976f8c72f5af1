"""``suppress sync``: suppress whoever opted out at WATI, by its whole list of contacts."""

from dataclasses import dataclass

from lead_automation.arguments import Arguments
from lead_automation.campaign.services import Services, make_services
from lead_automation.clock import RunClock
from lead_automation.commands.common import SettingsSource, agrees, show, state_to_write
from lead_automation.errors import CampaignStopError, UnreachableError
from lead_automation.models import ErrorCategory
from lead_automation.runs import RunMode
from lead_automation.runtime import Runtime
from lead_automation.stored import Suppression
from lead_automation.wati.contacts import CONTACTS_PER_PAGE, ContactsPage
from lead_automation.wati.limits import RateLimits

MAX_PAGES = 50_000
"""Five million contacts: a longer list is taken for one that never ends."""

_AGAIN = "What was found so far is on the list; the next sync begins anew."


@dataclass(slots=True)
class _Found:
    """What was read so far."""

    pages: int = 0
    contacts: int = 0
    opted_out: int = 0
    added: int = 0


def sync(arguments: Arguments, runtime: Runtime) -> int:
    """Say what it costs, ask, read page by page; each page's opt-outs are written at once.

    It holds the run's lock: both read contacts under one limit, and count the calls of one month.
    """
    settings = SettingsSource(arguments, runtime).load()
    state = state_to_write(settings.local, arguments, runtime)
    with state.lock(runtime):
        books = state.open_ledger()
        try:
            services = make_services(
                settings,
                mode=RunMode.PRODUCTION,
                runtime=runtime,
                clock=RunClock(runtime.clock),
                state=state,
                books=books,
                limits=RateLimits.of_plan(settings.local.plan),
            )
            found = _sync(services, arguments)
        finally:
            # However it ended: WATI counts the calls that were made.
            books.finish(today=None)
            books.close()
    document: dict[str, object] = {"status": "completed" if found else "refused"}
    text = "Nothing was read or changed."
    if found is not None:
        document |= {
            "contacts": found.contacts,
            "opted_out": found.opted_out,
            "added": found.added,
            "calls": found.pages,
        }
        text = (
            f"Contacts read: {found.contacts:,}, in {found.pages:,} calls. Without permission for "
            f"broadcasts: {found.opted_out:,}, of which {found.added:,} were not on the list yet."
        )
    show(arguments, runtime, document, text, state=state)
    return 0


def _sync(services: Services, arguments: Arguments) -> _Found | None:
    """Return what was read; None where the operator says no to the price."""
    page = _page(services, 1)  # tells how many there are
    _say_price(services, page)
    if not arguments.yes and not agrees(services.runtime, "Read them?", "to read the contacts"):
        return None
    found = _Found()
    previous: ContactsPage | None = None
    while True:
        if page == previous and page.rows:
            msg = f"WATI's list of contacts repeats its page {found.pages}"
            raise UnreachableError(msg, service="WATI", hint=_AGAIN)
        _take(services, page, found)
        if _is_last(page, found):
            return found
        previous, page = page, _page(services, found.pages + 1)


def _page(services: Services, number: int) -> ContactsPage:
    """Read a page within WATI's limit and the month's calls."""
    if services.budget.is_month_used_up:
        msg = f"The month's {services.budget.monthly_limit:,} WATI calls are used up"
        raise CampaignStopError(msg, hint=_AGAIN if number > 1 else "")
    if number > MAX_PAGES:
        msg = f"WATI's list of contacts does not end after {MAX_PAGES:,} pages"
        raise UnreachableError(msg, service="WATI", hint=_AGAIN)
    while (wait_s := services.wati.contacts_wait_s()) > 0:
        services.runtime.sleep(wait_s)
    return services.wati.fetch_contacts(number)


def _say_price(services: Services, first: ContactsPage) -> None:
    """Say how many calls the list takes, and what is left of the month; raise where it is less."""
    left = max(0, services.budget.monthly_limit - services.budget.month_calls)
    price = f"More than {CONTACTS_PER_PAGE} contacts, WATI does not say how many: a call for each"
    text = f"{price} {CONTACTS_PER_PAGE}"
    if first.total is not None or first.rows < CONTACTS_PER_PAGE:
        total = first.rows if first.total is None else first.total
        calls = max(1, -(-total // CONTACTS_PER_PAGE))
        text = f"{total:,} contacts: {calls:,} calls, the first of which is made"
        if calls - 1 > left:
            msg = f"{text}; only {left:,} calls of this month are left"
            raise CampaignStopError(msg, hint="Wait for the next month, or take a larger plan.")
    services.runtime.err(f"{text}. Calls left this month: {left:,}.")


def _take(services: Services, page: ContactsPage, found: _Found) -> None:
    """Put a page's opt-outs on the list, before the next page is asked for."""
    found.pages += 1
    found.contacts += page.rows
    found.opted_out += len(page.opted_out)
    found.added += services.state.suppressions.add_all(
        Suppression(
            phone=phone,
            reason=f"{ErrorCategory.OPT_OUT.value}: WATI's contact does not allow broadcasts",
            source="contact",
            added_at=services.now(),
            until=None,
        )
        for phone in page.opted_out
    )


def _is_last(page: ContactsPage, found: _Found) -> bool:
    if page.total is not None:
        # A page may be short although more follow; an empty one leads nowhere.
        if not page.rows and found.contacts < page.total:
            msg = f"WATI's list of contacts ends after {found.contacts:,} of {page.total:,}"
            raise UnreachableError(msg, service="WATI", hint=_AGAIN)
        return found.contacts >= page.total
    return page.rows < CONTACTS_PER_PAGE
