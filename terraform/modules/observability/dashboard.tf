locals {
  # Title, metric, and what is drawn of it.
  charts = [
    { title = "Requests by class", filter = "metric.type=\"run.googleapis.com/request_count\" ${local.of_functions}", aligner = "ALIGN_RATE", reducer = "REDUCE_SUM", by = ["metric.label.response_code_class"] },
    { title = "Latency, 95th percentile, by function", filter = "metric.type=\"run.googleapis.com/request_latencies\" ${local.of_functions}", aligner = "ALIGN_PERCENTILE_95", reducer = "REDUCE_MAX", by = ["resource.label.service_name"] },
    { title = "Instances, by function", filter = "metric.type=\"run.googleapis.com/container/instance_count\" ${local.of_functions}", aligner = "ALIGN_MAX", reducer = "REDUCE_SUM", by = ["resource.label.service_name"] },
    { title = "Stuck executions", filter = "metric.type=\"logging.googleapis.com/user/${google_logging_metric.job["stuck_executions"].name}\" resource.type=\"cloud_run_revision\"", aligner = "ALIGN_PERCENTILE_99", reducer = "REDUCE_MAX", by = [] },
    { title = "Events not published", filter = "metric.type=\"logging.googleapis.com/user/${google_logging_metric.job["outbox_waiting"].name}\" resource.type=\"cloud_run_revision\"", aligner = "ALIGN_PERCENTILE_99", reducer = "REDUCE_MAX", by = [] },
    { title = "Oldest message, by subscription (s)", filter = "metric.type=\"pubsub.googleapis.com/subscription/oldest_unacked_message_age\" resource.type=\"pubsub_subscription\"", aligner = "ALIGN_MAX", reducer = "REDUCE_MAX", by = ["resource.label.subscription_id"] },
    { title = "Errors, by what they say", filter = "metric.type=\"logging.googleapis.com/user/${google_logging_metric.errors.name}\" resource.type=\"cloud_run_revision\"", aligner = "ALIGN_RATE", reducer = "REDUCE_SUM", by = ["metric.label.message"] },
    { title = "Firestore writes", filter = "metric.type=\"firestore.googleapis.com/document/write_count\" resource.type=\"firestore_instance\"", aligner = "ALIGN_RATE", reducer = "REDUCE_SUM", by = ["metric.label.op"] },
    { title = "Timers that wait", filter = "metric.type=\"cloudtasks.googleapis.com/queue/depth\" ${local.of_queue}", aligner = "ALIGN_MAX", reducer = "REDUCE_SUM", by = [] },
    { title = "How late timers are, 99th percentile (ms)", filter = "metric.type=\"cloudtasks.googleapis.com/queue/task_attempt_delays\" ${local.of_queue}", aligner = "ALIGN_PERCENTILE_99", reducer = "REDUCE_MAX", by = [] },
  ]
}

resource "google_monitoring_dashboard" "this" {
  project = var.project_id

  dashboard_json = jsonencode({
    displayName = var.name
    mosaicLayout = {
      columns = 12
      tiles = [
        for index, chart in local.charts : {
          xPos   = (index % 2) * 6
          yPos   = floor(index / 2) * 4
          width  = 6
          height = 4
          widget = {
            title = chart.title
            xyChart = {
              dataSets = [{
                plotType = "LINE"
                timeSeriesQuery = {
                  timeSeriesFilter = {
                    filter = chart.filter
                    aggregation = {
                      alignmentPeriod    = "60s"
                      perSeriesAligner   = chart.aligner
                      crossSeriesReducer = chart.reducer
                      groupByFields      = chart.by
                    }
                  }
                }
              }]
            }
          }
        }
      ]
    }
  })
}
