"""Add somebody who may sign in: `add_person ann`, with the password on standard input."""

from __future__ import annotations

import getpass
import sys
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser


class Command(BaseCommand):
    """Make a person, or give one a new password."""

    help = "Adds a person, or gives one a new password, which is read from standard input."

    def add_arguments(self, parser: CommandParser) -> None:
        """Name the person."""
        parser.add_argument("name")

    def handle(self, *args: Any, **options: Any) -> None:
        """Read the password, check it, and store its hash."""
        asked = getpass.getpass if sys.stdin.isatty() else lambda _: sys.stdin.readline()
        password = asked("Password: ").rstrip("\n")
        model = get_user_model()
        person = model.objects.filter(username=options["name"]).first()
        person = person or model(username=options["name"])
        try:
            validate_password(password, person)
            person.set_password(password)
            person.full_clean()
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        person.save()
        self.stdout.write(f"{person.username} may sign in.")
