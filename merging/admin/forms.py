"""What the pages send besides choices."""

from django import forms
from django.utils.translation import gettext_lazy as _


class CommentForm(forms.Form):
    """The versions of the two contacts that the user has read, and a comment for the reviewer."""

    survivor_version = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    loser_version = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    comment = forms.CharField(
        label=_("Comment"),
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"class": "kf-input", "rows": 3, "cols": False}),
        help_text=_("For those who review it; kept in the history."),
    )
