"""Single sign-on of staff by OpenID Connect, and who may still log in with a password (docs/single-sign-on.md).

`OIDC_PROVIDERS` names the providers; the variables of each begin with its name: `OIDC_BANK_ISSUER`.
"""

from pathlib import Path
from typing import Any

from config.settings.environment import env

SCOPES = ["openid", "profile", "email"]


def _provider(name: str) -> dict[str, Any]:
    prefix = f"OIDC_{name.upper().replace('-', '_')}"
    key_file = env.str(f"{prefix}_PRIVATE_KEY_FILE", default="")
    return {
        "name": name,
        "label": env.str(f"{prefix}_LABEL", default=name.title()),
        "issuer": env.str(f"{prefix}_ISSUER"),
        "client_id": env.str(f"{prefix}_CLIENT_ID"),
        "client_secret": env.str(f"{prefix}_CLIENT_SECRET", default=""),
        "private_key": Path(key_file).read_text() if key_file else "",
        "scopes": tuple(env.list(f"{prefix}_SCOPES", default=SCOPES)),
        "groups_claim": env.str(f"{prefix}_GROUPS_CLAIM", default="groups"),
        "acr_values": tuple(env.list(f"{prefix}_ACR_VALUES", default=[])),
        "amr_values": tuple(env.list(f"{prefix}_AMR_VALUES", default=[])),
        "is_factor_required": env.bool(f"{prefix}_REQUIRE_FACTOR", default=False),
    }


OIDC_PROVIDERS = [_provider(name) for name in env.list("OIDC_PROVIDERS", default=[])]
# The provider whose subjects are the external ids of SCIM: unless said, the only one.
SCIM_ISSUER = env.str("SCIM_ISSUER", default=OIDC_PROVIDERS[0]["issuer"] if len(OIDC_PROVIDERS) == 1 else "")
# Whom the page names that refuses somebody.
SSO_HELP = env.str("SSO_HELP", default="")
# Which staff may log in with a password: "staff" (all), "superusers", or the name of a group.
LOCAL_LOGIN = env.str("LOCAL_LOGIN", default="staff")
