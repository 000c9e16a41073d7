locals {
  api_requests = "metric.type=\"run.googleapis.com/request_count\" resource.type=\"cloud_run_revision\" resource.labels.service_name=monitoring.regex.full_match(\"${join("|", sort(var.services["api"]))}\")"
  api_latency  = "metric.type=\"run.googleapis.com/request_latencies\" resource.type=\"cloud_run_revision\" resource.labels.service_name=monitoring.regex.full_match(\"${join("|", sort(var.services["api"]))}\")"
}

resource "google_monitoring_custom_service" "this" {
  project      = var.project_id
  service_id   = var.name
  display_name = var.name
}

resource "google_monitoring_slo" "available" {
  project             = var.project_id
  service             = google_monitoring_custom_service.this.service_id
  slo_id              = "available"
  display_name        = "The API does not fail"
  goal                = var.availability_goal
  rolling_period_days = 28

  request_based_sli {
    good_total_ratio {
      total_service_filter = local.api_requests
      bad_service_filter   = "${local.api_requests} metric.labels.response_code_class=\"5xx\""
    }
  }
}

resource "google_monitoring_slo" "fast" {
  project             = var.project_id
  service             = google_monitoring_custom_service.this.service_id
  slo_id              = "fast"
  display_name        = "The API answers within a second"
  goal                = var.fast_goal
  rolling_period_days = 28

  request_based_sli {
    distribution_cut {
      distribution_filter = local.api_latency

      range {
        max = 1000
      }
    }
  }
}

# Ten times too fast: the month's budget would be gone in less than three days.
resource "google_monitoring_alert_policy" "budget_burns" {
  for_each = { for goal in [google_monitoring_slo.available, google_monitoring_slo.fast] : goal.slo_id => goal if length(var.emails) > 0 }

  project               = var.project_id
  display_name          = "${var.name}: The error budget burns (${each.key})"
  combiner              = "OR"
  severity              = "CRITICAL"
  notification_channels = [for channel in google_monitoring_notification_channel.email : channel.id]
  user_labels           = merge(var.labels, { alert = "budget-${each.key}" })

  conditions {
    display_name = each.value.display_name

    condition_threshold {
      filter          = "select_slo_burn_rate(\"${each.value.name}\", \"3600s\")"
      comparison      = "COMPARISON_GT"
      threshold_value = 10
      duration        = "0s"
    }
  }

  documentation {
    content   = "Ten times more requests than the goal allows were bad in the last hour."
    mime_type = "text/markdown"
  }
}
