variables {
  project_id = "symphainy-test"
  location   = "europe-west3"
  protected  = false
  index_file = "../../../infra/schema/firestore.indexes.json"
  rules_file = "../../../infra/schema/firestore.rules"
}

run "has_the_indexes_of_the_file" {
  command = plan

  assert {
    condition     = length(google_firestore_index.this) == length(jsondecode(file(var.index_file)).indexes)
    error_message = "Two indexes of the file became one, or one is missing."
  }

  assert {
    condition     = length(google_firestore_field.this) == length(jsondecode(file(var.index_file)).fieldOverrides)
    error_message = "Two fields of the file became one, or one is missing."
  }

  assert {
    condition     = output.ttl_fields == tolist(["idempotency.expires_at", "rate_buckets.expires_at", "receipts.expires_at"]) && length(google_firestore_field.this["idempotency.expires_at"].ttl_config) == 1
    error_message = "What expires would be kept for ever."
  }

  assert {
    condition     = strcontains(google_firebaserules_ruleset.this.source[0].files[0].content, "if false")
    error_message = "Clients are let in."
  }
}

run "dev_can_be_thrown_away" {
  command = plan

  assert {
    condition     = google_firestore_database.this.deletion_policy == "DELETE" && length(google_firestore_backup_schedule.daily) == 0
    error_message = "dev pays for backups, or cannot be destroyed."
  }
}

run "production_goes_back_seven_days_and_is_not_deleted" {
  command = plan

  variables {
    protected = true
  }

  assert {
    condition = (
      google_firestore_database.this.point_in_time_recovery_enablement == "POINT_IN_TIME_RECOVERY_ENABLED"
      && google_firestore_database.this.delete_protection_state == "DELETE_PROTECTION_ENABLED"
    )
    error_message = "Production is not protected."
  }

  assert {
    condition     = google_firestore_backup_schedule.daily[0].retention == "604800s" && google_firestore_backup_schedule.weekly[0].retention == "8467200s"
    error_message = "Backups are kept for 7 days and 14 weeks."
  }
}
