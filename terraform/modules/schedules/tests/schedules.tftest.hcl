variables {
  project_id   = "symphainy-test"
  region       = "europe-west3"
  caller_email = "scheduler@symphainy-test.iam.gserviceaccount.com"
  jobs = {
    recovery_sweep = { schedule = "* * * * *", uri = "https://recovery-sweep.a.run.app", timeout_seconds = 600 }
    log_retention  = { schedule = "17 3 * * *", uri = "https://log-retention.a.run.app", timeout_seconds = 3600 }
  }
}

run "calls_each_job_with_proof" {
  command = plan

  assert {
    condition     = google_cloud_scheduler_job.this["recovery_sweep"].http_target[0].oidc_token[0].audience == "https://recovery-sweep.a.run.app"
    error_message = "Cloud Run takes tokens that are made for the service."
  }

  assert {
    condition     = { for name, job in google_cloud_scheduler_job.this : name => job.attempt_deadline } == { recovery_sweep = "600s", log_retention = "1800s" }
    error_message = "Cloud Scheduler waits for as long as the job may take, and half an hour at the most."
  }
}

run "stands_still_for_a_restore" {
  command = plan

  variables {
    paused = true
  }

  assert {
    condition     = alltrue([for job in google_cloud_scheduler_job.this : job.paused])
    error_message = "A job would write to the database that is exchanged."
  }
}
