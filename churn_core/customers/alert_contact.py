"""How the customer of an alert is reached: telephone number and e-mail address, as far as these may be used.

Consent is read as campaigns read it: where the workspace keeps consent at all, an address without it is shown and
nobody is led to write there; the same of who unsubscribed from e-mail, or from a channel that is not known. Consent to
e-mail says nothing about calls; who unsubscribed from calls is not dialled.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from churn_core.warehouse import Transaction, Warehouse

_EMAIL = re.compile(r'[^\s@,;:<>()"\[\]?&#%/\\]{1,64}@([^\W_]([\w-]*[^\W_])?[.])+[^\W\d_][\w-]*[^\W_]')
_PHONE = re.compile("[+]?[0-9 ()./\u00a0\u202f-]+")
_N_DIGITS = range(6, 18)
_NOT_BY_EMAIL = ("sms", "push", "phone")
"""Channels of which it is known that they are not e-mail."""


@dataclass(frozen=True, kw_only=True)
class Contact:
    """How a customer is reached."""

    email: str
    """Empty when not known, like the telephone number."""
    phone: str
    email_consent: bool | None
    """Whether e-mail is allowed; None when that is not known of this customer."""
    is_consent_kept: bool
    """Whether the workspace knows of anybody's consent."""
    has_unsubscribed: bool
    """Whether the customer has unsubscribed from e-mail, or from a channel that is not known."""
    has_refused_calls: bool = False
    """Whether the customer has unsubscribed from calls."""

    @property
    def consent_words(self) -> str:
        """What consent data say about writing to the customer; empty where the workspace keeps none."""
        if self.has_unsubscribed:
            return "unsubscribed from e-mail"
        if self.email_consent is None:
            return "consent for e-mail not known" if self.is_consent_kept else ""
        return "e-mail allowed" if self.email_consent else "no consent for e-mail"

    @property
    def call_words(self) -> str:
        """What is known against calling; empty where nothing is."""
        return "does not want calls" if self.has_refused_calls else ""

    @property
    def may_write(self) -> bool:
        """Whether consent data allow an e-mail, or the workspace keeps none."""
        return not self.has_unsubscribed and (bool(self.email_consent) or not self.is_consent_kept)

    @property
    def mail_address(self) -> str:
        """The address where a link may lead to it: allowed, and written like one; empty otherwise."""
        return self.email if self.may_write and _EMAIL.fullmatch(self.email) else ""

    @property
    def dialled(self) -> str:
        """The telephone number as it is dialled; empty where it could not be, or calls are refused.

        >>> Contact(email="", phone="+49 (0)555 000-12", email_consent=None, is_consent_kept=False,
        ...     has_unsubscribed=False).dialled
        '+4955500012'
        """
        if self.has_refused_calls or not _PHONE.fullmatch(self.phone):
            return ""
        is_whole = self.phone.startswith("+")
        digits = re.sub(r"\D", "", self.phone.replace("(0)", "") if is_whole else self.phone)
        is_real = len(digits) in _N_DIGITS and len(set(digits)) > 1
        return f"{'+' if is_whole else ''}{digits}" if is_real else ""


def contact_of(reader: Warehouse | Transaction, customer_id: str) -> Contact | None:
    """How a customer is reached; None for one of whom nothing but orders is known."""
    rows = reader.records(
        "SELECT coalesce(trim(email), '') AS email, "
        "coalesce(trim(phone), '') AS phone, email_consent, "
        "EXISTS (SELECT 1 FROM customers WHERE email_consent IS NOT NULL) AS is_consent_kept, "
        f"EXISTS ({_UNSUBSCRIBED} AND NOT list_contains($others, lower(trim(coalesce(o.channel, ''))))) "
        "AS has_unsubscribed, "
        f"EXISTS ({_UNSUBSCRIBED} AND lower(trim(o.channel)) = 'phone') AS has_refused_calls "
        "FROM customers WHERE customer_id = $customer_id",
        {"customer_id": customer_id, "others": list(_NOT_BY_EMAIL)},
    )
    return Contact(**rows[0]) if rows else None


_UNSUBSCRIBED = "SELECT 1 FROM contacts o WHERE o.customer_id = $customer_id AND lower(trim(o.kind)) = 'unsubscribed'"
