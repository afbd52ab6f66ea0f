"""The three mappings from a person to threads of the LangGraph server.

| mapping              | holds                                       | lifetime                    |
|----------------------|---------------------------------------------|-----------------------------|
| the browser session  | which conversation this browser shows       | until sign-out, or 2 weeks  |
| `User.thread_id`     | which conversation another device opens     | until another one is opened |
| `UserThread`         | every conversation of a person: who owns it | until it is deleted         |

The session is Django's own table. Only `UserThread` says who may read a thread.
"""

from __future__ import annotations

import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models

from .attempts import SignInAttempts as SignInAttempts  # Django looks for the tables here


class User(AbstractUser):
    """A person. `AbstractUser` brings the name, the password and more.

    The key is a UUID, and the metadata of each thread holds it. With numbers, a new table would
    begin at 1 again after a loss, and another person would get the old threads.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    thread_id = models.UUIDField(null=True, blank=True)


class UserThread(models.Model):
    """One conversation: a thread of the LangGraph server, and its owner.

    `related_name` is the other direction: `user.threads` are all rows of a person.
    """

    thread_id = models.UUIDField(primary_key=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="threads")
    title = models.CharField(max_length=80)
    created = models.DateTimeField(auto_now_add=True)
    used = models.DateTimeField(db_index=True)

    class Meta:
        """A person's conversations, last used first, are read from one index."""

        ordering = ("-used",)
        indexes = (models.Index(fields=["user", "-used"], name="chat_threads_of_user"),)

    def __str__(self) -> str:
        return self.title
