"""Running the chat service for others.

`stack()` starts all parts of it on one machine as child processes. Its workers run the app of
`service_app`, which is the service of chapter 13, and also counted, traced, logged and limited. Its
secrets come from files.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "alert_rules": ["RULES", "AlertRule"],
        "alerts": ["Alerts"],
        "audit": ["AuditLog", "read_audit", "verify_audit"],
        "canary": ["canary_version"],
        "database_setup": ["database_pair"],
        "erasure": ["erase_person"],
        "job_routes": ["add_job_routes"],
        "keeper": ["Repair"],
        "kill_drill": ["Drill", "Kill", "drill"],
        "leaked_secrets": ["LeakedSecret", "find_leaked_secrets"],
        "limits": ["TokenBuckets"],
        "logs": ["read_log", "write_logs"],
        "masking": ["mask"],
        "metrics": ["TurnMetrics"],
        "people": ["SaidTurn", "say", "talk"],
        "plots": ["draw_dashboard", "draw_waterfall"],
        "proxy": ["caddy_variables", "tls_context"],
        "replicated_database": ["DatabasePair"],
        "running_stack": ["Stack"],
        "samples": ["Scrape", "read_samples", "scrape"],
        "secret_files": ["SecretsError", "read_secrets", "write_secrets"],
        "spans": ["Span", "read_spans", "spans_of"],
        "start": ["stack"],
        "tracing": ["open_tracing"],
        "verdict": ["Verdict", "judge"],
    },
)
