variables {
  name           = "symphainy-test"
  region         = "gcp-europe-west4"
  node_size_id   = "c4-a4"
  disk_gb        = 20
  allowed_ranges = ["203.0.113.0/24"]
  alert_emails   = ["ops@example.com"]
}

# They must not be destroyed, not even by a test: their ids are told at once instead.
override_resource {
  target          = oasis_ipallowlist.this
  values          = { id = "allowlist" }
  override_during = plan
}

override_resource {
  target          = oasis_deployment.this
  values          = { id = "deployment" }
  override_during = plan
}

run "is_one_shard_that_is_closed_locked_and_backed_up" {
  command = plan

  assert {
    condition     = oasis_deployment.this.configuration[0].model == "oneshard" && oasis_deployment.this.locked
    error_message = "Transactions would not be whole, or it may be deleted."
  }

  assert {
    condition     = oasis_deployment.this.security[0].ip_allowlist == "allowlist"
    error_message = "Anybody may connect."
  }

  assert {
    condition     = oasis_backup_policy.daily.deployment_id == "deployment" && oasis_backup_policy.daily.upload
    error_message = "There is no copy elsewhere."
  }
}

run "refuses_everybody" {
  command = plan

  variables {
    allowed_ranges = ["0.0.0.0/0"]
  }

  expect_failures = [var.allowed_ranges]
}
