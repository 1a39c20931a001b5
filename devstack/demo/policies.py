"""The demo's policies: the standard ones, with a second stage for tax residencies, which requires a file."""

from django.contrib.auth.models import Group
from django.db import transaction

from changerequests.models import PolicyVersion
from changerequests.services.policies import locked_policies, planned_changes, write_policies
from contacts.models import CONTACT_DETAILS
from devstack.demo.accounts import COMPLIANCE

TAX_RESIDENCIES = "taxInformation.taxResidencies"
REVIEW, TAX = "Review", "Tax compliance"


@transaction.atomic
def set_policies() -> None:
    """Write the policies, unless the institution has some. Takes effect at once: nobody is there to approve it yet."""
    current = locked_policies()
    if PolicyVersion.objects.exists():
        return
    policy = current.document[CONTACT_DETAILS]
    [standard] = policy["rules"]
    compliance = Group.objects.get(name=COMPLIANCE).pk
    tax = {"name": TAX, "group": compliance, "approvals": 1, "hours": 72, "isEvidenceRequired": True}
    two_stages = {
        **policy,
        "stages": [*policy["stages"], tax],
        "rules": [{**standard, "paths": [TAX_RESIDENCIES], "stages": [REVIEW, TAX]}, standard],
    }
    write_policies(current=current, changes=planned_changes(current, {CONTACT_DETAILS: two_stages}))
