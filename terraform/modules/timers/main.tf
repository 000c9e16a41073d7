# What waits is woken on time: a task publishes the hint of a waiting execution to its intent's topic when it is due. What a task misses
# the sweep finds within a minute.
resource "google_cloud_tasks_queue" "this" {
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

# In whose name tasks publish. Whoever makes a task must be allowed to act as it.
resource "google_service_account" "this" {
  project      = var.project_id
  account_id   = "timers"
  display_name = "Hints that Cloud Tasks publishes"
}

resource "google_cloud_tasks_queue_iam_binding" "enqueuers" {
  project  = var.project_id
  location = var.region
  name     = google_cloud_tasks_queue.this.name
  role     = "roles/cloudtasks.enqueuer"
  members  = [for function in values(var.functions) : function.member]
}

resource "google_service_account_iam_member" "acts_as" {
  for_each = var.functions

  service_account_id = google_service_account.this.name
  role               = "roles/iam.serviceAccountUser"
  member             = each.value.member
}
