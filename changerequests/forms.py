"""Forms for the policy of one kind: its stages and its rules, without JSON."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib.auth.models import Group
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.models import ClientApplication, Participant
from changerequests.kinds import RequestKind


class _OrderedFormSet(forms.BaseFormSet):
    ordering_widget = UnfoldAdminIntegerFieldWidget


class StageForm(forms.Form):
    name = forms.CharField(label=_("Stage"), max_length=100, widget=UnfoldAdminTextInputWidget())
    group = forms.ModelChoiceField(
        label=_("Reviewers"),
        queryset=Group.objects.order_by("name"),
        required=False,
        empty_label=_("Everybody who may review"),
        widget=UnfoldAdminSelectWidget(),
    )
    approvals = forms.IntegerField(
        label=_("Approvals needed"), min_value=1, max_value=9, initial=1, widget=UnfoldAdminIntegerFieldWidget()
    )
    hours = forms.IntegerField(
        label=_("Hours until due"),
        min_value=1,
        max_value=10_000,
        required=False,
        widget=UnfoldAdminIntegerFieldWidget(),
    )
    escalates_to = forms.ModelChoiceField(
        label=_("Escalates to"),
        queryset=Group.objects.order_by("name"),
        required=False,
        empty_label=_("Nobody"),
        widget=UnfoldAdminSelectWidget(),
        help_text=_("Once it is overdue, the members of this group get a mail and may decide, too."),
    )
    is_evidence_required = forms.BooleanField(
        label=_("File required"),
        required=False,
        help_text=_("Nobody can approve before a file is attached to the request as evidence."),
    )

    def __init__(self, *args: Any, kind: RequestKind, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["hours"].help_text = (
            gettext("Every day counts.")
            if kind.is_due_on_any_day
            else gettext("Weekends and holidays of the institution do not count.")
        )

    def as_document(self) -> dict[str, Any]:
        found = self.cleaned_data
        return {
            "name": found["name"],
            "group": found["group"].pk if found["group"] else None,
            "approvals": found["approvals"],
            "hours": found["hours"],
            # Stages from before have no such keys: saving them unchanged changes nothing.
            **({"escalatesTo": found["escalates_to"].pk} if found["escalates_to"] else {}),
            **({"isEvidenceRequired": True} if found["is_evidence_required"] else {}),
        }


class RuleForm(forms.Form):
    """One rule. Every condition that is left empty holds for everything."""

    stages = forms.CharField(
        label=_("Stages"),
        required=False,
        widget=UnfoldAdminTextInputWidget(),
        help_text=_("Names of the stages above, separated by commas. Empty: these changes need no approval."),
    )
    flagged_only = forms.BooleanField(required=False)
    paths = forms.MultipleChoiceField(label=_("Fields"), required=False, widget=UnfoldAdminSelectMultipleWidget())
    contact_types = forms.MultipleChoiceField(
        label=_("Contact types"), required=False, widget=UnfoldAdminSelectMultipleWidget()
    )
    min_rows = forms.IntegerField(
        label=_("From this number of rows"),
        required=False,
        min_value=1,
        max_value=1_000_000_000,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text=_("The rule matches from this number of rows. Empty: any number."),
    )
    participants = forms.ModelMultipleChoiceField(
        label=_("Participants"),
        queryset=Participant.objects.all(),
        required=False,
        widget=UnfoldAdminSelectMultipleWidget(),
    )
    initiator_groups = forms.ModelMultipleChoiceField(
        label=_("Groups of the initiator"),
        queryset=Group.objects.order_by("name"),
        required=False,
        widget=UnfoldAdminSelectMultipleWidget(),
    )
    applications = forms.ModelMultipleChoiceField(
        label=_("Applications"),
        queryset=ClientApplication.objects.all(),
        required=False,
        widget=UnfoldAdminSelectMultipleWidget(),
        help_text=_("Without one, the rule is about members."),
    )

    def __init__(self, *args: Any, kind: RequestKind, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, Any] = self.fields
        stored = self.initial.get("paths") or []
        known = [(field.path, field.label) for field in kind.presenter().choosable_fields()]
        # A path that the form does not offer, such as a whole section, stays a choice of the rule that has it.
        fields["paths"].choices = [*known, *((path, path) for path in stored if path not in dict(known))]
        fields["contact_types"].choices = kind.contact_types()
        if not fields["paths"].choices:
            del fields["paths"]
        if kind.flagged is None:
            del fields["flagged_only"]
        else:
            fields["flagged_only"].label = gettext("Only %(what)s") % {"what": kind.flagged}
        if not kind.contact_types():
            del fields["contact_types"]
        if not kind.counts_rows:
            del fields["min_rows"]

    def as_document(self) -> dict[str, Any]:
        found = self.cleaned_data
        return {
            "stages": [name.strip() for name in found["stages"].split(",") if name.strip()],
            "paths": found.get("paths") or None,
            "flaggedOnly": found.get("flagged_only", False),
            "contactTypes": found.get("contact_types") or None,
            "participants": [row.pk for row in found["participants"]] or None,
            "initiatorGroups": [row.pk for row in found["initiator_groups"]] or None,
            "applications": [row.pk for row in found["applications"]] or None,
            **({"minRows": found["min_rows"]} if "min_rows" in found else {}),
        }


def _documents(formset: Any) -> list[dict[str, Any]]:
    """Return the documents of a formset's rows in their order, without empty ones."""
    return [form.as_document() for form in formset.ordered_forms if form.has_changed() or form.initial]


StageFormSet = forms.formset_factory(
    StageForm, formset=_OrderedFormSet, extra=1, can_order=True, can_delete=True, max_num=9
)
RuleFormSet = forms.formset_factory(
    RuleForm, formset=_OrderedFormSet, extra=1, can_order=True, can_delete=True, max_num=100
)


class PolicyForm:
    """The policy of one kind as a form: formsets of stages and rules, whether decisions need a digest, a comment."""

    def __init__(self, kind: RequestKind, policy: Mapping[str, Any], data: Any = None) -> None:
        options: dict[str, Any] = {"form_kwargs": {"kind": kind}}
        self.stages = StageFormSet(
            data, initial=[_initial_stage(stage) for stage in policy["stages"]], prefix="stages", **options
        )
        self.rules = RuleFormSet(
            data, initial=[_initial_rule(rule) for rule in policy["rules"]], prefix="rules", **options
        )
        self.options = OptionsForm(data, initial={"is_digest_required": policy["isDigestRequired"]})
        self.faults: list[str] = []

    def is_valid(self) -> bool:
        # Each is asked, so that all faults show at once.
        valid = (self.stages.is_valid(), self.rules.is_valid(), self.options.is_valid())
        return all(valid)

    @property
    def document(self) -> dict[str, Any]:
        """The policy that a valid form asks for."""
        return {
            "stages": _documents(self.stages),
            "rules": _documents(self.rules),
            "isDigestRequired": self.options.cleaned_data["is_digest_required"],
        }

    @property
    def comment(self) -> str | None:
        return self.options.cleaned_data["comment"] or None


class OptionsForm(forms.Form):
    is_digest_required = forms.BooleanField(
        label=_("Decisions by the API must name what was shown"),
        required=False,
        help_text=_("The admin always does. Otherwise it is needed only once a request has been revised."),
    )
    comment = forms.CharField(
        label=_("Comment"),
        required=False,
        max_length=2000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text=_("For those who review the change."),
    )


def _initial_stage(stage: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **stage,
        "escalates_to": stage.get("escalatesTo"),
        "is_evidence_required": stage.get("isEvidenceRequired", False),
    }


def _initial_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "stages": ", ".join(rule["stages"]),
        "flagged_only": rule["flaggedOnly"],
        "paths": rule["paths"],
        "contact_types": rule["contactTypes"],
        "participants": rule["participants"],
        "initiator_groups": rule["initiatorGroups"],
        "applications": rule["applications"],
        "min_rows": rule.get("minRows"),
    }
