"""Namu, the assistant of the course, as the chapters build it."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "booking": ["BookingAnswer", "book_place", "find_place"],
        "cards": ["GREETING", "follow_ups", "place_cards"],
        "booking_changes": ["cancel_booking", "change_booking", "my_bookings"],
        "graph": ["build_namu", "drop_open_tool_calls", "instructions"],
        "lasting": ["build_lasting_namu", "conversations_file"],
        "memory": ["MemoryWish", "forget", "recall", "remember"],
        "search_tool": ["search_places"],
        "state": [
            "SUGGESTIONS",
            "Intent",
            "NamuState",
            "Rejection",
            "RememberingState",
            "Route",
            "union",
        ],
    },
)
