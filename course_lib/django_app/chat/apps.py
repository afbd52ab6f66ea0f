"""The app as Django knows it."""

from __future__ import annotations

from django.apps import AppConfig


class ChatConfig(AppConfig):
    """The chat, under whatever name its folder was copied to."""

    name = __package__
    label = "chat"
