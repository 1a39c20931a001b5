"""The permission of reviewers, defined on the model."""

REVIEW_PERMISSION = "changerequests.review_changerequest"
