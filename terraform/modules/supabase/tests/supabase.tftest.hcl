variables {
  name              = "symphainy-test"
  organization_id   = "organization"
  region            = "eu-central-1"
  database_password = "a password of 20+ characters"
}

# It must not be destroyed, not even by a test: its id is told at once instead.
override_resource {
  target          = supabase_project.this
  values          = { id = "stub" }
  override_during = plan
}

run "is_the_issuer_of_tenants_tokens" {
  command = plan

  assert {
    condition     = output.issuer == "https://stub.supabase.co/auth/v1"
    error_message = "Tokens of Supabase Auth would be refused."
  }
}

run "serves_nothing_by_rest" {
  command = plan

  assert {
    condition     = jsondecode(supabase_settings.this.api).db_schema == ""
    error_message = "Tables could be read with the keys that browsers have."
  }
}

run "refuses_a_short_password" {
  command = plan

  variables {
    database_password = "short"
  }

  expect_failures = [var.database_password]
}
