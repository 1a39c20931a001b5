"""The permission that reviewers hold; it is among those of the model."""

REVIEW_PERMISSION = "changerequests.review_changerequest"
