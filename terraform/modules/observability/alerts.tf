locals {
  services     = concat(flatten([for names in values(var.services) : tolist(names)]), var.runner[*].service)
  of_functions = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=monitoring.regex.full_match(\"${join("|", sort(local.services))}\")"

  # When an alert opens: a metric over a threshold for so long. `about` is what whoever is woken reads.
  thresholds = merge(local.of_executions, local.of_timers, local.of_runner)

  of_executions = {
    stuck-executions = {
      title    = "Executions are stuck"
      severity = "CRITICAL"
      filter   = "metric.type=\"logging.googleapis.com/user/${google_logging_metric.job["stuck_executions"].name}\" AND resource.type=\"cloud_run_revision\""
      align    = { aligner = "ALIGN_PERCENTILE_99", reducer = "REDUCE_MAX", seconds = 120 }
      above    = 0
      lasting  = "600s"
      about    = "Executions are due for over five minutes, and the recovery sweep does not get through. See the log of recovery_sweep, and whether Firestore and Redis answer."
    }
    outbox-lag = {
      title    = "Events are not published"
      severity = "CRITICAL"
      filter   = "metric.type=\"logging.googleapis.com/user/${google_logging_metric.job["outbox_waiting"].name}\" AND resource.type=\"cloud_run_revision\""
      align    = { aligner = "ALIGN_PERCENTILE_99", reducer = "REDUCE_MAX", seconds = 120 }
      above    = 0
      lasting  = "300s"
      about    = "The relay leaves events in the outbox: Pub/Sub refuses them. Nothing is lost; they go out in order once it takes them. See the log of outbox_relay."
    }
    dead-executions = {
      title    = "Executions wait for a person"
      severity = "ERROR"
      filter   = "metric.type=\"pubsub.googleapis.com/subscription/num_undelivered_messages\" AND resource.type=\"pubsub_subscription\" AND resource.labels.subscription_id=\"${google_pubsub_subscription.dead_executions.name}\""
      align    = { aligner = "ALIGN_MAX", reducer = "REDUCE_SUM", seconds = 60 }
      above    = 0
      lasting  = "0s"
      about    = "An undo failed for good, or a step after the pivot. Each is a pending intent runtime.revive_execution with its evidence. Acknowledge the message in dead-executions when it is done."
    }
    dead-letters = {
      title    = "Messages became dead letters"
      severity = "ERROR"
      filter   = "metric.type=\"pubsub.googleapis.com/subscription/num_undelivered_messages\" AND resource.type=\"pubsub_subscription\" AND resource.labels.subscription_id=\"${var.dead_letter_subscription}\""
      align    = { aligner = "ALIGN_MAX", reducer = "REDUCE_SUM", seconds = 60 }
      above    = 0
      lasting  = "0s"
      about    = "A producer sends what can never become an execution (attributes code and reason), or Pub/Sub gave a message up after 100 attempts (no code). They are kept for 7 days."
    }
    push-backlog = {
      title    = "Intents are taken up late"
      severity = "ERROR"
      filter   = "metric.type=\"pubsub.googleapis.com/subscription/oldest_unacked_message_age\" AND resource.type=\"pubsub_subscription\" AND resource.labels.subscription_id=monitoring.regex.full_match(\"${join("|", sort(var.push_subscriptions))}\")"
      align    = { aligner = "ALIGN_MAX", reducer = "REDUCE_MAX", seconds = 60 }
      above    = 600
      lasting  = "300s"
      about    = "A message has waited for ten minutes: its function refuses it, does not start, or has reached its greatest number of instances."
    }
    errors-5xx = {
      title    = "Functions answer 5xx"
      severity = "ERROR"
      filter   = "metric.type=\"run.googleapis.com/request_count\" AND metric.labels.response_code_class=\"5xx\" AND ${local.of_functions}"
      align    = { aligner = "ALIGN_RATE", reducer = "REDUCE_SUM", seconds = 60 }
      above    = 1
      lasting  = "300s"
      about    = "More than one request a second fails. 503 says that a store is away; 500 is a bug, and its line in the log has the trace id of the answer."
    }
  }
}

resource "google_monitoring_alert_policy" "threshold" {
  for_each = length(var.emails) > 0 ? local.thresholds : {}

  project               = var.project_id
  display_name          = "${var.name}: ${each.value.title}"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = [for channel in google_monitoring_notification_channel.email : channel.id]
  user_labels           = merge(var.labels, { alert = each.key })

  conditions {
    display_name = each.value.title

    condition_threshold {
      filter          = each.value.filter
      comparison      = "COMPARISON_GT"
      threshold_value = each.value.above
      duration        = each.value.lasting

      aggregations {
        alignment_period     = "${each.value.align.seconds}s"
        per_series_aligner   = each.value.align.aligner
        cross_series_reducer = each.value.align.reducer
      }

      trigger {
        count = 1
      }
    }
  }

  documentation {
    content   = each.value.about
    mime_type = "text/markdown"
  }

  alert_strategy {
    auto_close = "86400s"
  }
}

# The one that watches the watcher: a sweep that does not run tells of nothing.
resource "google_monitoring_alert_policy" "sweep_absent" {
  count = length(var.emails) > 0 ? 1 : 0

  project               = var.project_id
  display_name          = "${var.name}: The recovery sweep does not run"
  combiner              = "OR"
  severity              = "CRITICAL"
  notification_channels = [for channel in google_monitoring_notification_channel.email : channel.id]
  user_labels           = merge(var.labels, { alert = "sweep-absent" })

  conditions {
    display_name = "No sweep succeeded for ten minutes"

    condition_absent {
      filter   = "metric.type=\"run.googleapis.com/request_count\" AND metric.labels.response_code_class=\"2xx\" AND resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"${var.recovery_service}\""
      duration = "600s"

      aggregations {
        alignment_period     = "60s"
        per_series_aligner   = "ALIGN_RATE"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  documentation {
    content   = "Work that died stays dead until it runs again: see Cloud Scheduler's job and the log of the function."
    mime_type = "text/markdown"
  }
}
