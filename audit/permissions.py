"""Django permissions of members."""

MAY_SEE_WHO_LOOKED = "audit.view_access"
