SELECT coalesce(max(version), 0) FROM calve_schema
