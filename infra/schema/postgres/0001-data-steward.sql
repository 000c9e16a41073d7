-- The data steward's tables. Tenants are kept apart by the database itself: whoever acts as `authenticated` (a tenant, named by
-- request.jwt.claims, as Supabase does it) sees its own client rows and all platform rows, and writes its own client rows;
-- `symphainy_platform` sees and writes platform rows and no tenant's.

create schema if not exists symphainy;

do $$ begin
  create role authenticated nologin;
exception when duplicate_object or unique_violation then null;
end $$;
do $$ begin
  create role symphainy_platform nologin;
exception when duplicate_object or unique_violation then null;
end $$;
do $$ begin
  if not pg_has_role(current_user, 'authenticated', 'member') then
    execute format('grant authenticated to %I', current_user);
  end if;
  if not pg_has_role(current_user, 'symphainy_platform', 'member') then
    execute format('grant symphainy_platform to %I', current_user);
  end if;
end $$;

create function symphainy.claimed_tenant() returns text language sql stable set search_path = '' as $$
  select nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'tenant_id'
$$;

create table symphainy.file_references (
  id text primary key,
  tenant_id text not null check (tenant_id <> ''),
  data_classification text not null check (data_classification in ('platform', 'client')),
  version bigint not null check (version > 0),
  created_at timestamptz(3) not null,
  updated_at timestamptz(3) not null,
  file_id text not null,
  storage_location text not null,
  filename text,
  ui_name text,
  file_type text,
  content_type text,
  size_bytes bigint not null check (size_bytes >= 0),
  sha256 text not null,
  subject_id text,
  metadata jsonb not null
);
create unique index file_references_by_file on symphainy.file_references (tenant_id, data_classification, file_id);

create table symphainy.parsed_data_files (
  id uuid primary key,
  tenant_id text not null check (tenant_id <> ''),
  data_classification text not null check (data_classification in ('platform', 'client')),
  version bigint not null check (version > 0),
  created_at timestamptz(3) not null,
  updated_at timestamptz(3) not null,
  file_id text not null,
  parsed_file_id text not null,
  format_type text not null check (format_type in ('parquet', 'json_structured', 'json_chunks')),
  content_type text not null check (content_type in ('structured', 'unstructured', 'hybrid')),
  size_bytes bigint not null check (size_bytes >= 0),
  row_count bigint check (row_count >= 0),
  column_count bigint check (column_count >= 0),
  column_names jsonb,
  data_types jsonb,
  parsed_at timestamptz(3) not null,
  parsed_by text not null,
  parse_options jsonb,
  status text not null,
  processing_status text not null,
  processing_errors jsonb,
  metadata jsonb not null,
  ui_name text,
  user_id text,
  subject_id text
);
create unique index parsed_data_files_by_parsed on symphainy.parsed_data_files (tenant_id, data_classification, parsed_file_id);
create index parsed_data_files_by_file on symphainy.parsed_data_files (tenant_id, data_classification, file_id);

create table symphainy.data_boundary_contracts (
  id text primary key,
  tenant_id text not null check (tenant_id <> ''),
  data_classification text not null check (data_classification in ('platform', 'client')),
  version bigint not null check (version > 0),
  created_at timestamptz(3) not null,
  updated_at timestamptz(3) not null,
  status text not null check (status in ('pending', 'active', 'fulfilled', 'expired', 'revoked')),
  source_sha256 text,
  source_external_id text,
  source_artifact_id text,
  materialization_type text check (materialization_type in
    ('reference', 'partial_extraction', 'deterministic', 'semantic_embedding', 'full_artifact')),
  backing_store text check (backing_store in ('gcs', 'postgres', 'none')),
  scope jsonb not null,
  expires_at timestamptz(3)
);
-- One active contract for a source within a scope: whoever authorizes a second one at the same moment is too late.
create unique index contracts_open_by_source on symphainy.data_boundary_contracts
  (tenant_id, data_classification, coalesce(source_sha256, ''), coalesce(source_external_id, ''),
   coalesce(scope ->> 'user_id', ''), coalesce(scope ->> 'solution_id', '')) where status = 'active';
create index contracts_by_status on symphainy.data_boundary_contracts (tenant_id, data_classification, status, expires_at);

create table symphainy.records_of_fact (
  id text primary key,
  tenant_id text not null check (tenant_id <> ''),
  data_classification text not null check (data_classification in ('platform', 'client')),
  version bigint not null check (version > 0),
  created_at timestamptz(3) not null,
  updated_at timestamptz(3) not null,
  contract_id text not null,
  source_sha256 text,
  source_external_id text,
  fact_type text not null,
  fact jsonb not null,
  promoted_by text,
  promoted_at timestamptz(3) not null
);
create index records_of_fact_by_contract on symphainy.records_of_fact (tenant_id, data_classification, contract_id);

create table symphainy.materialization_policies (
  id text primary key,
  tenant_id text not null check (tenant_id <> ''),
  data_classification text not null check (data_classification in ('platform', 'client')),
  version bigint not null check (version > 0),
  created_at timestamptz(3) not null,
  updated_at timestamptz(3) not null,
  solution_id text not null,
  artifact_type text not null,
  decision text not null check (decision in ('PERSIST', 'CACHE', 'DISCARD'))
);
create unique index materialization_policies_by_type on symphainy.materialization_policies
  (tenant_id, data_classification, solution_id, artifact_type);

-- Effects under the key of the step that caused them, with what they replaced; `undone` is the tombstone.
create table symphainy.record_effects (
  tenant_id text not null check (tenant_id <> ''),
  data_classification text not null check (data_classification in ('platform', 'client')),
  effect_key text not null,
  state text not null check (state in ('open', 'undone')),
  parts jsonb not null,
  updated_at timestamptz(3) not null,
  primary key (tenant_id, data_classification, effect_key)
);

-- A subject's key, wrapped by a master key that is not here; what erased it stays, without the key.
create table symphainy.subject_keys (
  tenant_id text not null check (tenant_id <> ''),
  subject_id text not null,
  key_id text not null,
  wrapped_key text,
  created_at timestamptz(3) not null,
  erased_at timestamptz(3),
  primary key (tenant_id, subject_id),
  check ((wrapped_key is null) = (erased_at is not null))
);

do $$
declare
  steward_table text;
begin
  foreach steward_table in array array[
    'file_references', 'parsed_data_files', 'data_boundary_contracts', 'records_of_fact', 'materialization_policies'
  ] loop
    execute format('create index on symphainy.%I (tenant_id, data_classification, created_at desc, id desc)', steward_table);
    execute format('create index on symphainy.%I (data_classification, created_at desc, id desc)', steward_table);
    execute format('create policy platform_is_readable on symphainy.%I for select to authenticated
      using (data_classification = ''platform'')', steward_table);
  end loop;
  foreach steward_table in array array[
    'file_references', 'parsed_data_files', 'data_boundary_contracts', 'records_of_fact', 'materialization_policies',
    'record_effects'
  ] loop
    execute format('create policy own_client_rows on symphainy.%I for all to authenticated
      using (data_classification = ''client'' and tenant_id = (select symphainy.claimed_tenant()))
      with check (data_classification = ''client'' and tenant_id = (select symphainy.claimed_tenant()))', steward_table);
    execute format('create policy platform_rows on symphainy.%I for all to symphainy_platform
      using (data_classification = ''platform'') with check (data_classification = ''platform'')', steward_table);
    execute format('grant select, insert, update, delete on symphainy.%I to authenticated, symphainy_platform', steward_table);
  end loop;
  foreach steward_table in array array[
    'file_references', 'parsed_data_files', 'data_boundary_contracts', 'records_of_fact', 'materialization_policies',
    'record_effects', 'subject_keys'
  ] loop
    execute format('alter table symphainy.%I enable row level security', steward_table);
    execute format('alter table symphainy.%I force row level security', steward_table);
  end loop;
end $$;

create policy own_subjects on symphainy.subject_keys for all to authenticated
  using (tenant_id = (select symphainy.claimed_tenant())) with check (tenant_id = (select symphainy.claimed_tenant()));
-- The end of a key stays on record: nobody deletes it, and nobody gives an erased subject a key again.
grant select, insert, update (wrapped_key, erased_at) on symphainy.subject_keys to authenticated;

revoke all on function symphainy.claimed_tenant() from public;
grant execute on function symphainy.claimed_tenant() to authenticated, symphainy_platform;
grant usage on schema symphainy to authenticated, symphainy_platform;
