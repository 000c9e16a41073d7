locals {
  of_queue = "resource.type=\"cloud_tasks_queue\" AND resource.labels.queue_id=\"${var.timer_queue}\""

  # Cloud Tasks tells of no oldest task. It tells how late each attempt was, which is nothing while a queue stands still: then its depth grows.
  of_timers = {
    timers-late = {
      title    = "Timers are late"
      severity = "WARNING"
      filter   = "metric.type=\"cloudtasks.googleapis.com/queue/task_attempt_delays\" AND ${local.of_queue}"
      align    = { aligner = "ALIGN_PERCENTILE_99", reducer = "REDUCE_MAX", seconds = 60 }
      above    = 60000 # ms: by then the sweep is sooner
      lasting  = "300s"
      about    = "What waits is woken over a minute after its time. Nothing is lost: the sweep wakes it too. More timers are due at once than the queue sends (its rate limits), or Cloud Tasks slows down because attempts fail."
    }
    timers-failing = {
      title    = "Timers fail"
      severity = "WARNING"
      filter   = "metric.type=\"cloudtasks.googleapis.com/queue/task_attempt_count\" AND metric.labels.response_code!=monitoring.regex.full_match(\"(?i)ok|2..\") AND ${local.of_queue}"
      align    = { aligner = "ALIGN_DELTA", reducer = "REDUCE_SUM", seconds = 300 }
      above    = 10
      lasting  = "300s"
      about    = "More than ten attempts in five minutes could not publish their hint. Nothing is lost: the sweep wakes what waits, a minute late at most. See whether Pub/Sub answers, and whether the account of timers may still publish to the topics of intents."
    }
    timers-piling-up = {
      title    = "Timers pile up"
      severity = "WARNING"
      filter   = "metric.type=\"cloudtasks.googleapis.com/queue/depth\" AND ${local.of_queue}"
      align    = { aligner = "ALIGN_MAX", reducer = "REDUCE_SUM", seconds = 60 }
      above    = var.timers_waiting
      lasting  = "600s"
      about    = "More tasks wait than timers_waiting allows. If the queue is paused, resume it: the sweep does its work meanwhile. If it sends, that many executions wait for a time: an intent that never ends, or an ordinary day, and then the limit is to be raised."
    }
  }
}
