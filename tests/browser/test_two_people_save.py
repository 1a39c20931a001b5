"""Two people have the same form open, and both save it."""

from django.contrib.auth.models import Permission
from django.urls import reverse
from playwright.sync_api import expect

from accounts.models import User
from administration.rights import RIGHTS
from tests.changerequests.policies import policy, set_policy


def test_a_right_that_one_takes_away_is_not_put_back_by_the_other(open_page, sign_in, make_member, complaints, axe):
    set_policy(policy([], []), kind=RIGHTS)
    anna = make_member("anna", permissions=["review_changerequest", "add_contact"])
    review = Permission.objects.get(codename="review_changerequest")
    pages = []
    for name in ("ruth", "rolf"):
        page = open_page()
        sign_in(page, make_member(name, is_superuser=True))
        page.goto(reverse("admin:accounts_user_change", args=[anna.user_id]))
        pages.append(page)
    first, second = pages
    first.locator("#id_user_permissions_to").select_option(str(review.pk))
    first.locator("#id_user_permissions_remove").click()
    first.get_by_role("button", name="Save", exact=True).click()
    expect(first.get_by_text("was changed successfully")).to_be_visible()

    complaints.expect("status of 412")
    second.get_by_label("Last name").fill("Bernasconi")
    second.get_by_role("button", name="Save", exact=True).click()
    expect(second.get_by_text("Somebody else has saved this since you opened the form.")).to_be_visible()
    expect(second.get_by_label("Last name")).to_have_value("Bernasconi")
    axe(second)
    second.get_by_role("button", name="Save", exact=True).click()
    expect(second.get_by_text("was changed successfully")).to_be_visible()
    user = User.objects.get(pk=anna.user_id)
    assert (user.last_name, user.has_perm("changerequests.review_changerequest")) == ("Bernasconi", False)
    assert user.has_perm("contacts.add_contact")
