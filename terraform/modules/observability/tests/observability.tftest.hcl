variables {
  project_id = "symphainy-test"
  name       = "symphainy"
  services = {
    intent = ["ingest-file"]
    api    = ["runtime-api"]
    job    = ["outbox-relay", "recovery-sweep"]
  }
  timer_queue              = "timers"
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
    condition     = length(output.alerts) == length(distinct(output.alerts)) && length(output.alerts) == 12
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

run "watches_the_runner_of_guests_where_there_is_one" {
  command = apply

  variables {
    runner = { service = "wasm-runner", max_instances = 20 }
  }

  assert {
    condition     = length(output.alerts) == length(distinct(output.alerts)) && length(output.alerts) == 16
    error_message = "An alert of the runner is missing, or two have one name."
  }

  assert {
    condition     = google_monitoring_alert_policy.threshold["runner-full"].conditions[0].condition_threshold[0].threshold_value == 19
    error_message = "The alert opens only above what the runner can reach, or long before."
  }

  assert {
    condition     = strcontains(google_monitoring_dashboard.this.dashboard_json, "wasm-runner")
    error_message = "The runner is not on the dashboard."
  }
}

run "watches_the_queue_of_timers" {
  command = apply

  variables {
    timers_waiting = 5000
  }

  assert {
    condition     = alltrue([for name in ["timers-late", "timers-failing", "timers-piling-up"] : strcontains(google_monitoring_alert_policy.threshold[name].conditions[0].condition_threshold[0].filter, "queue_id=\"timers\"")])
    error_message = "Nobody hears of the queue of timers."
  }

  assert {
    condition     = google_monitoring_alert_policy.threshold["timers-piling-up"].conditions[0].condition_threshold[0].threshold_value == 5000
    error_message = "The limit that was given is not the limit."
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
