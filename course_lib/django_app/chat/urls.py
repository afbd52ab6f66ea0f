"""The addresses of the chat."""

from __future__ import annotations

from django.urls import path

from . import api, pages

app_name = "chat"
urlpatterns = [
    path("", pages.home, name="home"),
    path("health/", pages.health, name="health"),
    path("send/", api.send, name="send"),
    path("new/", api.new, name="new"),
    path("t/<uuid:thread_id>/", pages.thread, name="thread"),
    path("t/<uuid:thread_id>/state/", api.state, name="state"),
    path("t/<uuid:thread_id>/answer/", api.answer, name="answer"),
    path("t/<uuid:thread_id>/stop/", api.stop, name="stop"),
    path("t/<uuid:thread_id>/delete/", api.delete, name="delete"),
    path("t/<uuid:thread_id>/edit-message/", api.edit_message, name="edit-message"),
    path("t/<uuid:thread_id>/delete-message/", api.delete_message, name="delete-message"),
    path("t/<uuid:thread_id>/instruction/", api.add_instruction, name="instruction"),
    path("t/<uuid:thread_id>/shorten/", api.shorten, name="shorten"),
    path("t/<uuid:thread_id>/runs/<uuid:run_id>/events/", api.events, name="events"),
]
