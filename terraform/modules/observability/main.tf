resource "google_monitoring_notification_channel" "email" {
  for_each = var.emails

  project      = var.project_id
  display_name = each.value
  type         = "email"
  labels       = { email_address = each.value }
  user_labels  = var.labels
}

# Executions that only a person can help say so on the events topic. Here they wait until one has: who revives one acknowledges it.
resource "google_pubsub_subscription" "dead_executions" {
  project = var.project_id
  name    = "dead-executions"
  topic   = "projects/${var.project_id}/topics/${var.events_topic}"
  filter  = "attributes.ce_type = \"execution_dead\""
  labels  = var.labels

  ack_deadline_seconds       = 60
  message_retention_duration = "2678400s" # 31 days, the longest there is

  expiration_policy {
    ttl = "" # never
  }
}

locals {
  # What the jobs say of themselves each minute, as numbers: jsonPayload.job and its outcome.
  job_numbers = {
    stuck_executions = { job = "recovery_sweep", field = "stuck", description = "Executions that have been due for over five minutes and that nobody runs" }
    outbox_waiting   = { job = "outbox_relay", field = "waiting", description = "Events that the relay could not publish" }
  }
}

resource "google_logging_metric" "job" {
  for_each = local.job_numbers

  project         = var.project_id
  name            = "${var.name}/${each.key}"
  description     = each.value.description
  filter          = "resource.type=\"cloud_run_revision\" jsonPayload.message=\"a job ran\" jsonPayload.job=\"${each.value.job}\""
  value_extractor = "EXTRACT(jsonPayload.${each.value.field})"

  metric_descriptor {
    metric_kind  = "DELTA"
    value_type   = "DISTRIBUTION"
    unit         = "1"
    display_name = each.value.description
  }
}

# Errors of ours, by what they say: the text of a log line never carries a value.
resource "google_logging_metric" "errors" {
  project          = var.project_id
  name             = "${var.name}/errors"
  description      = "Lines of severity ERROR that functions wrote"
  filter           = "resource.type=\"cloud_run_revision\" severity>=ERROR jsonPayload.message:*"
  label_extractors = { message = "EXTRACT(jsonPayload.message)" }

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"

    labels {
      key        = "message"
      value_type = "STRING"
    }
  }
}
