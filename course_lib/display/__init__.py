"""What a notebook cell shows: graphs, states, steps, messages, tables, checkpoint trees."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "cards": ["Card"],
        "graphs": ["NODE_LABELS", "show_graph"],
        "messages": ["show_messages"],
        "output": ["DisplayOutput"],
        "place_map": ["map_svg", "show_map"],
        "runs": ["read_runs", "show_runs"],
        "scripts": ["SVG", "joined_script"],
        "state_changes": ["StateChange", "state_changes"],
        "states": ["show_state", "state_rows", "state_table"],
        "steps": ["show_steps"],
        "tables": ["show_table", "table"],
        "tree_view": ["TreeView", "show_tree"],
        "json_text": ["format_json"],
        "values": ["as_fields", "shorten", "summary_line"],
    },
)
