"""The form of the sign-in page: Django's own, with a limit on attempts and this site's words."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError

from .attempts import Attempt
from .words import say


class SignInForm(AuthenticationForm):
    """A name and a password. Too many attempts are refused, the right password among them."""

    def clean(self) -> dict[str, Any]:
        """Count the attempt, then let Django check the password.

        Raises:
            ValidationError: there were too many attempts, or name and password do not fit.
        """
        name = self.cleaned_data.get("username")
        if not name or not self.cleaned_data.get("password"):
            return self.cleaned_data  # the fields say what is missing
        attempt = Attempt(name, self.request.META.get("REMOTE_ADDR", ""))
        minutes = attempt.begin()
        if minutes:
            raise ValidationError(say("too-many-sign-ins", minutes=minutes), code="too_many")
        cleaned = super().clean()
        attempt.succeed()
        return cleaned

    def get_invalid_login_error(self) -> ValidationError:
        """One sentence for a wrong name and for a wrong password."""
        return ValidationError(say("sign-in-failed"), code="invalid_login")
