-- Tombstones of undone effects are found by their age, to be dropped.
create index record_effects_undone on symphainy.record_effects (tenant_id, data_classification, updated_at)
  where state = 'undone';
