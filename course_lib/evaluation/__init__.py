"""Testing and comparing agents: recorded models, trajectories, dialogues, comparisons, judges."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "agreement": ["cohen_kappa", "confusion_table"],
        "comparison": ["Comparison", "compare_paired"],
        "dialogues": ["TurnResult", "hold_dialogue", "load_dialogues", "right_turns"],
        "judging": ["complaints"],
        "recording": ["RecordedChatModel", "RecordingError"],
        "scripting": ["ScriptError", "ScriptedChatModel"],
        "trajectories": ["ToolUse", "tool_uses", "trajectory_matches"],
    },
)
