"""Namu with bookings and a memory. The server brings the checkpointer and the store."""

from course_lib.namu import book_place, build_namu

namu = build_namu(tools=[book_place], memory=True)
