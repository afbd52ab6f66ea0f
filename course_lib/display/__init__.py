"""What a notebook cell shows: graphs, states, steps, messages, tables, checkpoint trees."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "tables": [
            "show_graph",
            "show_messages",
            "show_state",
            "show_steps",
            "show_table",
            "show_tree",
            "summary_line",
        ],
    },
)
