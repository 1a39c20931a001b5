"""The permissions of reviewers and of those who ask for policies, defined on the models."""

REVIEW_PERMISSION = "changerequests.review_changerequest"
POLICY_PERMISSION = "changerequests.change_policies"
