resource "google_cloud_scheduler_job" "this" {
  for_each = var.jobs

  project   = var.project_id
  region    = var.region
  name      = replace(each.key, "_", "-")
  schedule  = each.value.schedule
  time_zone = "Etc/UTC"
  paused    = var.paused
  # Cloud Scheduler waits for half an hour at the most.
  attempt_deadline = "${min(each.value.timeout_seconds, 1800)}s"

  # What fails is due again at the next round; a job is safe to be called twice.
  retry_config {
    retry_count          = 1
    min_backoff_duration = "5s"
  }

  http_target {
    uri         = each.value.uri
    http_method = "POST"

    oidc_token {
      service_account_email = var.caller_email
      audience              = each.value.uri
    }
  }
}

# For timers that are to be on time to the second. Today's build has none push here: the sweep finds what is due within a minute.
resource "google_cloud_tasks_queue" "timers" {
  project  = var.project_id
  location = var.region
  name     = "timers"

  rate_limits {
    max_dispatches_per_second = 100
    max_concurrent_dispatches = 100
  }

  retry_config {
    max_attempts  = 5
    min_backoff   = "1s"
    max_backoff   = "60s"
    max_doublings = 6
  }
}
