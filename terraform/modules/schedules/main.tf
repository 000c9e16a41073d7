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
