"""Spending less on Namu's model: a router, fallbacks, limits, an answer cache, a context budget."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "answer_cache": ["AnswerCache"],
        "choice": ["RouteChoice", "Router", "route_turn"],
        "classifier": ["ClassifierRouter", "load_routing_examples"],
        "context_budget": ["ContextBudget"],
        "limits": ["CallLimit", "ModelBusy"],
        "routed_model": ["NoModelAnswers", "RoutedChatModel", "fail_fast_model"],
        "rules": ["RULES", "route_by_rules"],
    },
)
