variables {
  project_id = "symphainy-test"
  name       = "symphainy"
  services = {
    intent = ["ingest-file"]
    api    = ["runtime-api"]
    job    = ["outbox-relay", "recovery-sweep"]
  }
  recovery_service         = "recovery-sweep"
  events_topic             = "symphainy-events"
  dead_letter_subscription = "symphainy-dead-letters"
  push_subscriptions       = ["ingest_file"]
  emails                   = ["ops@example.com"]
}

run "whoever_is_named_is_told_of_each_alert" {
  command = apply

  assert {
    condition     = alltrue([for alert in google_monitoring_alert_policy.threshold : contains(alert.notification_channels, google_monitoring_notification_channel.email["ops@example.com"].id)])
    error_message = "An alert tells nobody."
  }

  assert {
    condition     = length(output.alerts) == length(distinct(output.alerts)) && length(output.alerts) == 9
    error_message = "Two alerts have one name, or one is missing."
  }
}

run "watches_the_subscriptions_in_which_something_waits_for_a_person" {
  command = apply

  assert {
    condition     = strcontains(google_monitoring_alert_policy.threshold["dead-letters"].conditions[0].condition_threshold[0].filter, "subscription_id=\"symphainy-dead-letters\"")
    error_message = "Nobody hears of dead letters."
  }

  assert {
    condition     = google_pubsub_subscription.dead_executions.filter == "attributes.ce_type = \"execution_dead\""
    error_message = "Other events than those of dead executions wait there, or none."
  }
}

run "draws_what_it_alerts_on" {
  command = apply

  assert {
    condition = alltrue([
      for metric in google_logging_metric.job : strcontains(google_monitoring_dashboard.this.dashboard_json, metric.name)
    ])
    error_message = "What an alert is about is not on the dashboard."
  }
}

run "without_anybody_to_tell_there_are_no_alerts_to_pay_for" {
  command = plan

  variables {
    emails = []
  }

  assert {
    condition     = length(output.alerts) == 0
    error_message = "An alert costs something, and tells nobody."
  }
}

run "refuses_what_is_no_address" {
  command = plan

  variables {
    emails = ["ops"]
  }

  expect_failures = [var.emails]
}
